import { expect, test } from "vitest";
import * as decode from "~/protocol/decode";
import { entryOf } from "~/state/chat";
import { mayDelete, permissions } from "./permissions";

const now = Date.parse("2026-03-01T12:00:00Z");
const entry = (kind: string, role: string, more = {}) => entryOf(decode.membership({ room: { id: "r", kind, ...more }, role }));

test.for([
  ["room", "member", { write: true, pin: false, deleteOthers: false }],
  ["room", "moderator", { write: true, pin: true, deleteOthers: true }],
  ["room", "read_only", { write: false, pin: false, deleteOthers: false }],
  ["group", "member", { write: true, pin: true, deleteOthers: false }],
  ["group", "owner", { write: true, pin: true, deleteOthers: true }],
  ["direct", "member", { write: true, pin: true, deleteOthers: false }],
] as const)("in a %s, as %s", ([kind, role, expected]) => {
  expect(permissions(entry(kind, role), now)).toEqual(expected);
});

test("nobody writes in an archived room, nor while they are muted", () => {
  expect(permissions(entry("room", "owner", { isArchived: true }), now).write).toBe(false);
  const muted = { ...entry("room", "member"), mutedUntil: "2026-03-01T12:05:00Z" };
  expect(permissions(muted, now).write).toBe(false);
  expect(permissions(muted, now + 600_000).write).toBe(true);
});

test("what is deleted is not deleted again", () => {
  const may = permissions(entry("room", "moderator"), now);
  expect(mayDelete(decode.message({ userId: "other" }), "me", may)).toBe(true);
  expect(mayDelete(decode.message({ userId: "me", isDeleted: true }), "me", may)).toBe(false);
  expect(mayDelete(decode.message({ userId: "other" }), "me", permissions(entry("room", "member"), now))).toBe(false);
});
