// A room and its events, for the tests of this folder.
import * as decode from "~/protocol/decode";
import type { EventJson, Page, RoomStateJson, ServerFrame } from "~/protocol/types";
import { receive } from "./apply";
import { type Chat, type Effect, noChat } from "./chat";

export const me = "u-me";
export const other = "u-other";
export const roomId = "r1";

export const state = (more: Partial<RoomStateJson> = {}): RoomStateJson => ({
  room: {
    id: roomId,
    name: "garden",
    memberCount: 2,
    members: [
      { id: me, username: "me" },
      { id: other, username: "other" },
    ],
  },
  role: "member",
  headSeq: 10,
  readSeq: 10,
  ...more,
});

export const welcomed = (...rooms: RoomStateJson[]): Chat =>
  receive(noChat, { welcome: { epoch: "e1", user: { id: me, username: "me" }, rooms } }, 0)[0];

/** Something that somebody says. */
export const said = (seq: number, more: Partial<EventJson> = {}): ServerFrame => ({
  event: {
    roomId,
    seq,
    ordinal: seq,
    createdAt: `2026-11-23T10:00:${String(seq % 60).padStart(2, "0")}Z`,
    actor: { userId: other, username: "other" },
    nonce: `n${seq}`,
    message: { content: `message ${seq}`, type: "text" },
    ...more,
  },
});

/** Takes frames in one after the other; what is to be done because of them comes along. */
export function take(chat: Chat, ...frames: ServerFrame[]): { chat: Chat; effects: Effect[] } {
  const effects: Effect[] = [];
  for (const frame of frames) {
    const [next, more] = receive(chat, frame, 0);
    chat = next;
    effects.push(...more);
  }
  return { chat, effects };
}

/** A page with the messages of these seqs, given oldest first. */
export const pageOf = (asOfSeq: number, seqs: number[], more: Partial<Page> = {}): Page => ({
  ...decode.page({
    roomId,
    asOfSeq,
    messages: seqs
      .toReversed()
      .map((seq) => ({ _id: `${roomId}:${seq}`, seq, roomId, userId: other, content: `message ${seq}`, nonce: `n${seq}` })),
  }),
  ...more,
});
