import { expect, test } from "vitest";
import { me, other, roomId, said, state, take, welcomed } from "~/state/testing";
import { attention, levelOf, newCalls } from "./level";

const mentions = (userId: string) => ({ message: { content: "hi", mentions: [{ kind: "user", userId, offset: 0, length: 2 }] } });
const room = (kind: string, notifications = "") => state({ room: { id: roomId, name: "garden", kind }, preferences: { notifications } });
const callsOf = (given: ReturnType<typeof state>, ...frames: Parameters<typeof said>[]) => {
  const before = welcomed(given);
  const { chat } = take(before, ...frames.map((f) => said(...f)));
  return newCalls(before, chat).map(({ event }) => event.seq);
};

test("left to the client, rooms call for mentions, conversations for everything", () => {
  for (const [kind, level] of [
    ["room", "mentions"],
    ["group", "all"],
    ["direct", "all"],
  ] as const)
    expect(levelOf({ room: { kind }, preferences: { notifications: "" } } as never)).toBe(level);
});

test("what calls at which level", () => {
  const frames: Parameters<typeof said>[] = [
    [11],
    [12, mentions(me)],
    [13, { message: { content: "@room", mentions: [{ kind: "room" }] } }],
    [14, mentions("somebody")],
    [15, { message: { content: "in a thread", thread: 5 } }],
    [16, { message: { ...mentions(me).message, thread: 5 } }],
    [17, { message: { deleted: true } }],
  ];
  expect(callsOf(room("room", "all"), ...frames)).toEqual([11, 12, 13, 14, 16]);
  expect(callsOf(room("room"), ...frames)).toEqual([12, 13, 16]);
  expect(callsOf(room("room", "none"), ...frames)).toEqual([]);
  expect(callsOf(room("direct"), ...frames)).toEqual([11, 12, 13, 14, 15, 16]);
});

test("nobody is called by themself, or for what they missed", () => {
  const mine = { actor: { userId: me, username: "me" } };
  expect(callsOf(room("room", "all"), [11, mine])).toEqual([]);
  const before = welcomed(room("room", "all"));
  const entry = before.rooms[roomId];
  if (!entry) throw new Error("no room");
  const catchingUp = { ...before, rooms: { [roomId]: { ...entry, catchingUp: true } } };
  expect(newCalls(catchingUp, take(catchingUp, said(11)).chat)).toEqual([]);
});

test("what was read elsewhere calls nobody", () => {
  const before = welcomed(room("room", "all"));
  const { chat } = take(before, said(11), said(12), { userEvent: { marker: { roomId, readSeq: 11, headSeq: 12, unread: 1 } } });
  expect(newCalls(before, chat).map(({ event }) => event.seq)).toEqual([12]);
});

test("the badge counts what calls", () => {
  const { chat } = take(
    welcomed(
      room("room", "all"),
      state({ room: { id: "r2", name: "b", kind: "room" } }),
      state({ room: { id: "r3", name: "c", kind: "direct" }, unread: 4 }),
    ),
    said(11),
    said(11, { roomId: "r2" }),
    said(12, { roomId: "r2", actor: { userId: other, username: "other" }, ...mentions(me) }),
  );
  expect(attention(chat)).toBe(1 + 1 + 4);
});
