import { expect, test } from "vitest";
import type { Status } from "~/protocol/types";
import { holds, secondsUntil, statusLine } from "./status";

const status = (s: Partial<Status>): Status => ({ text: "", emoji: "", doNotDisturb: false, ...s });

test("ends", () => {
  const now = new Date(2026, 10, 23, 22, 30);
  expect(secondsUntil("0", now)).toBe(0);
  expect(secondsUntil("1800", now)).toBe(1800);
  expect(secondsUntil("today", now)).toBe(90 * 60);
  expect(secondsUntil("week", now)).toBe(90 * 60 + 6 * 86_400);
});

test("a status holds until it expires", () => {
  expect(holds(undefined, 0)).toBe(false);
  expect(holds(status({}), 0)).toBe(false);
  expect(holds(status({ text: "here" }), 0)).toBe(true);
  expect(holds(status({ doNotDisturb: true, expiresAt: "1970-01-01T00:00:01Z" }), 999)).toBe(true);
  expect(holds(status({ doNotDisturb: true, expiresAt: "1970-01-01T00:00:01Z" }), 1000)).toBe(false);
});

test("in one line", () => {
  expect(statusLine(status({ emoji: "🥗", text: "lunch" }))).toBe("🥗 lunch");
  expect(statusLine(status({ doNotDisturb: true }))).toBe("Do not disturb");
});
