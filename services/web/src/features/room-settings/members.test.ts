import { expect, test } from "vitest";
import * as decode from "~/protocol/decode";
import type { EventJson, MemberJson } from "~/protocol/gen/natter/chat/v1/chat_pb";
import { found, isMuted, withEvent } from "./members";

const ana: MemberJson = { user: { id: "a", username: "Ana" }, role: "owner", joinedAt: "2026-01-01T00:00:00Z" };
const ben: MemberJson = { user: { id: "b", username: "ben" }, role: "member", joinedAt: "2026-01-02T00:00:00Z" };
const event = (body: EventJson) => decode.event({ createdAt: "2026-01-03T00:00:00Z", ...body });

test("who joins is added, who leaves is gone", () => {
  const joined = withEvent([ana], event({ memberJoined: { user: { id: "b", username: "ben" }, role: "member" } }));
  expect(joined).toEqual([ana, { user: { id: "b", username: "ben" }, role: "member", joinedAt: "2026-01-03T00:00:00Z" }]);
  expect(withEvent([ana, ben], event({ memberLeft: { user: { id: "b" }, reason: "kicked" } }))).toEqual([ana]);
});

test("another role replaces the one before, in place", () => {
  const changed = withEvent([ben, ana], event({ memberJoined: { user: { id: "b", username: "ben" }, role: "admin", isChange: true } }));
  expect(changed).toEqual([{ ...ben, role: "admin", mutedUntil: undefined }, ana]);
});

test("what is about nobody changes nothing", () => {
  const members = [ana, ben];
  expect(withEvent(members, event({ message: { content: "hi" } }))).toBe(members);
  expect(withEvent(members, event({ memberLeft: { user: { id: "z" } } }))).toBe(members);
});

test("search, mutes", () => {
  expect(found([ana, ben], " AN")).toEqual([ana]);
  expect(found([ana, ben], "")).toEqual([ana, ben]);
  expect(isMuted({ mutedUntil: "1970-01-01T00:00:01Z" }, 999)).toBe(true);
  expect(isMuted({ mutedUntil: "1970-01-01T00:00:01Z" }, 1000)).toBe(false);
  expect(isMuted({}, 0)).toBe(false);
});
