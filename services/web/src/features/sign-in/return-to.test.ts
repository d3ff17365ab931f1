import { expect, test } from "vitest";
import { safePath } from "./return-to";

test.each([
  [undefined, "/rooms"],
  ["", "/rooms"],
  ["/rooms/1?at=7#x", "/rooms/1?at=7#x"],
  ["/join", "/join"],
  ["https://evil.example", "/rooms"],
  ["//evil.example", "/rooms"],
  ["/\\evil.example", "/rooms"],
  ["/\t/evil.example", "/rooms"],
  ["/\n\\evil.example/rooms", "/rooms"],
  ["javascript:alert(1)", "/rooms"],
  ["rooms", "/rooms"],
  ["/a/../../rooms", "/rooms"],
])("safePath(%j) is %j", (path, want) => {
  expect(safePath(path)).toBe(want);
});
