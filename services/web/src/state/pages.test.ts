import { expect, test } from "vitest";
import { maxWindow, type RoomEntry } from "./chat";
import { type Place, placePage } from "./pages";
import { pageOf, roomId, said, state, take, welcomed } from "./testing";

/** A room whose events after 10 have come up to a seq. */
const roomAt = (seq: number): RoomEntry => {
  const events = Array.from({ length: seq - 10 }, (_, i) => said(i + 11));
  const entry = take(welcomed(state()), ...events).chat.rooms[roomId];
  if (!entry) throw new Error("the room is not there");
  return entry;
};

const place = (r: RoomEntry, page: ReturnType<typeof pageOf>, where: Place): RoomEntry => {
  const placed = placePage(r, page, where);
  if (typeof placed === "string") throw new Error(placed);
  return placed;
};
const seqs = (r: RoomEntry) => r.windows[0]?.messages.map((m) => m.seq);

test("a page that is older than the room gets what it lacks", () => {
  const r = place(roomAt(13), pageOf(11, [10, 11]), "end");
  expect(seqs(r)).toEqual([10, 11, 12, 13]);
  expect(r.windows[0]).toMatchObject({ asOf: 13, newer: false, following: true });
});

test("a page that is ahead of the room waits for the events", () => expect(placePage(roomAt(11), pageOf(12, [12]), "end")).toBe("ahead"));

test("a page that is too old is fetched again", () => expect(placePage(roomAt(13), pageOf(9, [9]), "end")).toBe("stale"));

test("older messages come before, with what happened to them since", () => {
  const end = place(roomAt(10), pageOf(10, [9, 10], { more: true }), "end");
  const entry = take({ ...welcomed(state()), rooms: { [roomId]: end } }, said(11, { message: undefined, deleted: { seq: 8 } }), said(12))
    .chat.rooms[roomId];
  if (!entry) throw new Error("the room is not there");
  const r = place(entry, pageOf(10, [7, 8]), "before");
  expect(seqs(r)).toEqual([7, 8, 9, 10, 12]);
  expect(r.windows[0]?.messages[1]?.isDeleted).toBe(true);
  expect(r.windows[0]).toMatchObject({ older: false, newer: false });
});

test("a window in the middle does not grow by itself, until its end is loaded", () => {
  const middle = place(roomAt(10), pageOf(10, [3, 4]), "middle");
  const entry = take({ ...welcomed(state()), rooms: { [roomId]: middle } }, said(11)).chat.rooms[roomId];
  if (!entry) throw new Error("the room is not there");
  expect(seqs(entry)).toEqual([3, 4]);
  const more = place(entry, pageOf(11, [5, 6], { more: true }), "after");
  expect(seqs(more)).toEqual([3, 4, 5, 6]);
  expect(more.windows[0]?.newer).toBe(true);
  const end = place(more, pageOf(10, [7, 10]), "after");
  expect(seqs(end)).toEqual([3, 4, 5, 6, 7, 10, 11]);
  expect(end.windows[0]?.newer).toBe(false);
});

test("a window stays bounded: it loses what lies at the other side", () => {
  const all = Array.from({ length: maxWindow }, (_, i) => 1000 + i);
  const r = { ...roomAt(10), seq: 2000 };
  const end = place(r, pageOf(2000, all, { more: true }), "end");
  const up = place(end, pageOf(2000, [998, 999], { more: true }), "before").windows[0];
  expect(up?.messages).toHaveLength(maxWindow);
  expect(up?.messages[0]?.seq).toBe(998);
  expect(up).toMatchObject({ newer: true, older: true });
  const middle = place(r, pageOf(2000, all), "middle");
  const down = place(middle, pageOf(2000, [1900, 1901]), "after").windows[0];
  expect(down?.messages).toHaveLength(maxWindow);
  expect(down?.messages.at(-1)?.seq).toBe(1901);
  expect(down).toMatchObject({ newer: false, older: true });
});

test("a thread has a window of its own", () => {
  const r = place(place(roomAt(10), pageOf(10, [9, 10]), "end"), pageOf(10, [4], { thread: 3 }), "end");
  const entry = take(
    { ...welcomed(state()), rooms: { [roomId]: r } },
    said(11, { message: { content: "a reply", thread: 3, threadOrdinal: 2 } }),
  ).chat.rooms[roomId];
  expect(entry?.windows[0]?.messages.map((m) => m.seq)).toEqual([9, 10]);
  expect(entry?.windows[3]?.messages.map((m) => m.seq)).toEqual([4, 11]);
});
