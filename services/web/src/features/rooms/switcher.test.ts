import { expect, test } from "vitest";
import * as decode from "~/protocol/decode";
import { entryOf, noChat } from "~/state/chat";
import { fit, targets, withVisit } from "./switcher";

const chat = {
  ...noChat,
  rooms: Object.fromEntries(
    [
      ["g", "Garden", 0],
      ["k", "Kitchen", 2],
      ["r", "Rose garden", 0],
      ["t", "Travel", 0],
    ].map(([id, name, unread]) => [
      id,
      entryOf(decode.membership({ room: { id: String(id), name: String(name) }, unread: Number(unread) })),
    ]),
  ),
};
const ids = (query: string, recent: string[] = []) => targets(chat, query, recent, 10).map((r) => r.id);

test("nothing typed: the last ones first, then what is unread, then by name", () => {
  expect(ids("", ["t", "r"])).toEqual(["t", "r", "k", "g"]);
});

test.each([
  ["gar", ["g", "r"]],
  ["GARDEN", ["g", "r"]],
  ["gdn", ["g", "r"]],
  ["rga", ["r"]],
  ["e", ["k", "g", "r", "t"]],
  ["xyz", []],
])("%j finds %j", (query, want) => expect(ids(query)).toEqual(want));

test("a better name beats a later visit; of equal ones the later visit wins", () => {
  expect(ids("garden", ["r"])).toEqual(["g", "r"]);
  expect(ids("t", ["k", "t"])).toEqual(["t", "k"]);
});

test("letters in their order", () => {
  expect(fit("Garden", "gdn")).toBe(4);
  expect(fit("Garden", "ndg")).toBeUndefined();
});

test("visits: each room once, the last first", () => {
  expect(withVisit(["a", "b"], "b")).toEqual(["b", "a"]);
  expect(
    withVisit(
      Array.from({ length: 40 }, (_, i) => `${i}`),
      "x",
    ),
  ).toHaveLength(30);
});
