import { describe, expect, test } from "vitest";
import { byRoom, excerpt, filtersOf, placeOf, withFilter, withoutFilter, wordsOf } from "./query";

test.each([
  ["tomato from:ana", ["from=ana"], "tomato"],
  ['in:"rose garden" has:link IN:x', ["in=rose garden", "has=link", "in=x"], ""],
  ['"said from:ana" xfrom:ben', [], '"said from:ana" xfrom:ben'],
  ["a before:2026-01-31 b", ["before=2026-01-31"], "a b"],
  ["from:", [], "from:"],
])("%j has the filters %j", (query, filters, words) => {
  expect(filtersOf(query).map((f) => `${f.name}=${f.value}`)).toEqual(filters);
  expect(wordsOf(query)).toBe(words);
});

describe("filters", () => {
  test.each([
    ["", "from", "me", "from:me"],
    ["tomato ", "in", "rose garden", 'tomato in:"rose garden"'],
    ["from:ana x", "from", "ben", "from:ana x from:ben"],
    ["from:ana x", "from", "ana", "from:ana x"],
    ["before:2026-01-01 x", "before", "2026-02-02", "before:2026-02-02 x"],
  ] as const)("%j with %s:%s", (query, name, value, want) => expect(withFilter(query, name, value)).toBe(want));

  test("taken away again", () => {
    const query = "old has:link news";
    const [filter] = filtersOf(query);
    if (!filter) throw new Error("no filter");
    expect(withoutFilter(query, filter)).toBe("old news");
  });
});

test("where a query is wrong", () => {
  expect(placeOf('at character 3: the quote " is not closed')).toEqual({ at: 3, what: 'the quote " is not closed' });
  expect(placeOf("too many requests")).toBeUndefined();
});

describe("what is shown", () => {
  const shown = (content: string, highlights: { offset: number; length: number }[]) =>
    excerpt(content, highlights)
      .map(({ text, marked }) => (marked ? `[${text}]` : text))
      .join("");

  test("marks what was found, counted in UTF-16", () => {
    expect(
      shown("🍅 tomato and tomatoes", [
        { offset: 3, length: 6 },
        { offset: 14, length: 8 },
      ]),
    ).toBe("🍅 [tomato] and [tomatoes]");
  });

  test("of a long text, the part with the first place", () => {
    const long = `${"word ".repeat(200)}tomato ${"more ".repeat(200)}`;
    const text = shown(long, [{ offset: 1000, length: 6 }]);
    expect(text).toMatch(/^…word .*\[tomato\] more .*…$/);
    expect(text.length).toBeLessThan(300);
  });
});

test("by room, the newest first", () => {
  expect(byRoom(["a1", "b1", "a2"], (hit) => hit.charAt(0))).toEqual([
    { roomId: "a", hits: ["a1", "a2"] },
    { roomId: "b", hits: ["b1"] },
  ]);
});
