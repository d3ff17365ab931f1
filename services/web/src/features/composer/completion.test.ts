import { describe, expect, test } from "vitest";
import { best, closedEmoji, rank, tokenAt } from "./completion";

describe("the word before the caret", () => {
  test.each([
    ["@", "mention", ""],
    ["hello @an", "mention", "an"],
    ["(@zoë", "mention", "zoë"],
    ["line\n@b", "mention", "b"],
    ["_@ann", "mention", "ann"],
    ["good :wav", "emoji", "wav"],
    [":+1", "emoji", "+1"],
    ["😀:he", "emoji", "he"],
  ])("%j is a %s of %j", (text, kind, query) => {
    expect(tokenAt(text, text.length)).toEqual({ kind, query, from: text.length - query.length - 1 });
  });

  test.each(["", "ann", "ann@example", "@ann ", "at 10:30", "a :", ":a", "std::ve", "`@ann", "```\n:wave", "@a b"])(
    "%j is none",
    (text) => {
      expect(tokenAt(text, text.length)).toBeUndefined();
    },
  );

  test("only what stands before the caret counts", () => {
    expect(tokenAt("@anna is here", 3)).toEqual({ kind: "mention", query: "an", from: 0 });
  });

  test("code that has ended is over", () => {
    expect(tokenAt("`a` @b", 6)?.query).toBe("b");
    expect(tokenAt("```\nx\n```\n@b", 12)?.query).toBe("b");
  });
});

test("an emoji that was just closed", () => {
  expect(closedEmoji("so :wave:", 9)).toEqual({ name: "wave", from: 3 });
  expect(closedEmoji("10:30:", 6)).toBeUndefined();
  expect(closedEmoji("`:wave:", 7)).toBeUndefined();
});

describe("ranking", () => {
  test.each([
    ["Zoë", "zoe", 0],
    ["anna", "an", 1],
    ["mary-ann", "ann", 2],
    ["hannah", "ann", 3],
    ["bob", "ann", undefined],
    ["bob", "", 1],
  ])("%s by %j: %s", (name, query, want) => expect(rank(name, query)).toBe(want));

  test("better ones first, equal ones in their order", () => {
    expect(best(["hannah", "annika", "mary.ann", "ann", "anna"], (n) => [n], "ann", 4)).toEqual(["ann", "annika", "anna", "mary.ann"]);
  });
});
