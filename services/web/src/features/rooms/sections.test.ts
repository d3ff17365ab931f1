import { describe, expect, test } from "vitest";
import * as decode from "~/protocol/decode";
import { entryOf, noChat } from "~/state/chat";
import { neighbour, sectionsOf } from "./sections";

const room = (id: string, name: string, more: Parameters<typeof decode.membership>[0] = {}, kind = "room") =>
  entryOf(decode.membership({ ...more, room: { id, name, kind } }));

const chat = {
  ...noChat,
  rooms: {
    a: room("a", "Attic"),
    b: room("b", "bath", { unread: 3 }),
    c: room("c", "Cellar", { unread: 9, preferences: { notifications: "none" } }),
    d: room("d", "Den", { unread: 1, mentions: 1, preferences: { isFavourite: true } }),
    e: room("e", "Éva", {}, "direct"),
    f: room("f", "Fin", { headSeq: 5, preferences: { hiddenSeq: 5 } }, "direct"),
    g: room("g", "Gus", { headSeq: 6, preferences: { hiddenSeq: 5 } }, "direct"),
  },
};

test("favourites, rooms, direct conversations, each by name; hidden ones are left out until something is said", () => {
  expect(sectionsOf(chat)).toEqual({ favourites: "d", rooms: "a b c", direct: "e g" });
});

test("unread ones first, but not those that are muted", () => {
  expect(sectionsOf(chat, "unread").rooms).toBe("b a c");
});

test("a filter finds parts of names, accents or not, and what is hidden", () => {
  expect(sectionsOf(chat, "name", "ev")).toEqual({ favourites: "", rooms: "", direct: "e" });
  expect(sectionsOf(chat, "name", "FIN").direct).toBe("f");
});

describe("going through the list", () => {
  test.each([
    ["a", 1, false, "b"],
    ["d", -1, false, "g"],
    ["g", 1, false, "d"],
    ["f", 1, false, "d"],
    [undefined, 1, false, "d"],
    [undefined, -1, false, "g"],
    ["a", 1, true, "b"],
    ["b", 1, true, "d"],
    ["d", 1, true, "b"],
  ] as const)("from %s by %d, unread %s: %s", (from, step, unread, want) => expect(neighbour(chat, "name", from, step, unread)).toBe(want));

  test("there is nowhere to go", () => {
    expect(neighbour(noChat, "name", undefined, 1, false)).toBeUndefined();
    expect(neighbour({ ...noChat, rooms: { a: room("a", "Attic") } }, "name", "a", 1, false)).toBeUndefined();
  });
});
