import { expect, test } from "vitest";
import { type Action, isAbove, may } from "./role";

test.each<[Action, string, string]>([
  ["invite", "admin", "member"],
  ["describe", "admin", "member"],
  ["remove", "moderator", "owner"],
  ["appoint", "admin", "owner"],
  ["govern", "admin", "owner"],
  ["own", "owner", "owner"],
])("%s takes %s in a room, %s in a group, nobody in a direct conversation", (action, inRoom, inGroup) => {
  const all = ["owner", "admin", "moderator", "member", "read_only", "", "newer"];
  const who = (kind: string) => all.filter((role) => may(role, action, kind));
  expect(who("room")).toEqual(all.slice(0, all.indexOf(inRoom) + 1));
  expect(who("group")).toEqual(all.slice(0, all.indexOf(inGroup) + 1));
  expect(who("direct")).toEqual([]);
});

test("only who is above another has power over them", () => {
  expect(isAbove("moderator", "member")).toBe(true);
  expect(isAbove("moderator", "moderator")).toBe(false);
  expect(isAbove("member", "owner")).toBe(false);
  expect(isAbove("read_only", "")).toBe(true);
});
