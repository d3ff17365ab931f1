import { describe, expect, test } from "vitest";
import * as decode from "~/protocol/decode";
import { entryOf } from "~/state/chat";
import { callsAll, posting, slowMode, waitOf } from "./posting";

const entry = (role: string, room: object = {}, mutedUntil?: string) => entryOf(decode.membership({ role, room, mutedUntil }));
const noon = Date.parse("2026-01-31T12:00:00Z");

test.each([
  ["member", {}, 0, "open"],
  ["read_only", {}, 0, "readOnly"],
  ["owner", { isArchived: true }, 0, "archived"],
  ["member", { isAnnouncement: true }, 0, "announcement"],
  ["member", { isAnnouncement: true }, 7, "open"],
  ["moderator", { isAnnouncement: true }, 0, "open"],
])("%s in %j, thread %d: %s", (role, room, thread, kind) => expect(posting(entry(role, room), thread, noon).kind).toBe(kind));

test("a mute ends by itself", () => {
  const muted = entry("member", {}, "2026-01-31T13:00:00Z");
  expect(posting(muted, 0, noon)).toEqual({ kind: "muted", until: noon + 3_600_000 });
  expect(posting(muted, 0, noon + 3_600_000)).toEqual({ kind: "open" });
});

test.each([
  ["member", "room", false],
  ["moderator", "room", true],
  ["member", "group", true],
  ["member", "direct", false],
])("%s in a %s calls all: %s", (role, kind, may) => expect(callsAll(entry(role, { kind }))).toBe(may));

describe("slow mode", () => {
  test("is for members", () => {
    expect(slowMode(entry("member", { slowModeSeconds: 30 }))).toBe(30_000);
    expect(slowMode(entry("moderator", { slowModeSeconds: 30 }))).toBe(0);
  });
  test.each([
    [noon - 10_000, 20_000],
    [noon - 30_000, 0],
    [noon + 99_000, 30_000], // the server's clock is ahead
  ])("last at %d: wait %d", (last, wait) => expect(waitOf(30_000, last, noon)).toBe(wait));
});
