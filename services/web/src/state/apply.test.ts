import { describe, expect, test } from "vitest";
import { receive, resumeAll } from "./apply";
import { type Chat, maxRecent, maxWindow } from "./chat";
import { placePage } from "./pages";
import { me, other, pageOf, roomId, said, state, take, welcomed } from "./testing";

const room = (chat: Chat) => {
  const entry = chat.rooms[roomId];
  if (!entry) throw new Error("the room is not there");
  return entry;
};
const marker = (chat: Chat) => room(chat).marker;
/** With the end of the room loaded. */
const opened = (chat: Chat, seqs = [9, 10]): Chat => {
  const placed = placePage(room(chat), pageOf(room(chat).seq, seqs), "end");
  if (typeof placed === "string") throw new Error(placed);
  return { ...chat, rooms: { ...chat.rooms, [roomId]: placed } };
};
const contents = (chat: Chat) => room(chat).windows[0]?.messages.map((m) => m.seq);

describe("the order of events", () => {
  test("each is applied once", () => {
    const { chat } = take(opened(welcomed(state())), said(11), said(11), said(12), said(11));
    expect(contents(chat)).toEqual([9, 10, 11, 12]);
    expect(room(chat).seq).toBe(12);
  });

  test("a gap is asked for once; what comes meanwhile waits to be sent again", () => {
    const { chat, effects } = take(opened(welcomed(state())), said(11), said(13), said(14));
    expect(effects).toEqual([{ kind: "resume", roomId, seq: 11 }]);
    expect(contents(chat)).toEqual([9, 10, 11]);
    const later = take(chat, said(12), said(13), said(14), { caughtUp: { roomId, seq: 14 } }, said(15));
    expect(contents(later.chat)).toEqual([9, 10, 11, 12, 13, 14, 15]);
    expect(later.effects).toEqual([]);
  });

  test("events of rooms that nobody knows are nothing", () => expect(take(welcomed(), said(1)).chat.rooms).toEqual({}));

  test("a reset forgets what was loaded, and goes on behind the head", () => {
    const { chat } = take(opened(welcomed(state())), { reset: { roomId, headSeq: 900 } }, said(900), said(901));
    expect(room(chat)).toMatchObject({ seq: 901, windows: {}, catchingUp: false });
  });

  test("what is kept of the log is bounded", () => {
    const { chat } = take(welcomed(state({ headSeq: 0 })), ...Array.from({ length: maxRecent + 50 }, (_, i) => said(i + 1)));
    expect(room(chat).recent).toHaveLength(maxRecent);
    expect(room(chat).recent.at(-1)?.seq).toBe(maxRecent + 50);
  });

  test("a window at the end stays bounded; one whose reader is elsewhere stops to grow", () => {
    const events = Array.from({ length: maxWindow }, (_, i) => said(i + 11));
    const following = room(take(opened(welcomed(state())), ...events).chat).windows[0];
    expect(following?.messages.length).toBeLessThanOrEqual(maxWindow);
    expect(following).toMatchObject({ older: true, newer: false });
    expect(following?.messages.at(-1)?.seq).toBe(maxWindow + 10);

    const chat = opened(welcomed(state()));
    const entry = room(chat);
    const window = entry.windows[0];
    if (!window) throw new Error("nothing is loaded");
    const reading = { ...chat, rooms: { [roomId]: { ...entry, windows: { 0: { ...window, following: false } } } } };
    const kept = room(take(reading, ...events).chat).windows[0];
    expect(kept?.messages[0]?.seq).toBe(9);
    expect(kept).toMatchObject({ older: false, newer: true });
  });
});

describe("a welcome", () => {
  test("in pages: rooms that none of them lists are gone", () => {
    const first = welcomed(state(), state({ room: { id: "r2" } }));
    const half = take(first, { welcome: { epoch: "e1", more: true, user: { id: me }, rooms: [state()] } }).chat;
    expect(Object.keys(half.rooms)).toEqual([roomId, "r2"]);
    const { chat } = take(half, { welcome: { epoch: "e1", user: { id: me }, rooms: [state({ room: { id: "r3" } })] } });
    expect(Object.keys(chat.rooms)).toEqual([roomId, "r3"]);
  });

  test("resumes what is open, and takes the head of the rest", () => {
    const open = opened(welcomed(state(), state({ room: { id: "r2" }, headSeq: 5 })));
    const [asked, cursors] = resumeAll(open);
    expect(cursors).toEqual([{ roomId, seq: 10 }]);
    const back = {
      welcome: { epoch: "e1", user: { id: me }, rooms: [state({ headSeq: 12, unread: 2 }), state({ room: { id: "r2" }, headSeq: 50 })] },
    };
    const { chat, effects } = take(asked, back, said(11), said(12), { caughtUp: { roomId, seq: 12 } });
    expect(effects).toEqual([]);
    expect(contents(chat)).toEqual([9, 10, 11, 12]);
    expect(chat.rooms.r2?.seq).toBe(50);
    expect(marker(chat).unread).toBe(2);
  });

  test("with a head that is ahead of an open room that was not resumed: it is", () => {
    const { effects } = take(opened(welcomed(state())), { welcome: { epoch: "e1", user: { id: me }, rooms: [state({ headSeq: 12 })] } });
    expect(effects).toEqual([{ kind: "resume", roomId, seq: 10 }]);
  });
});

describe("unread", () => {
  test("counts what others say in the room, and who is mentioned", () => {
    const { chat } = take(
      welcomed(state()),
      said(11),
      said(12, { message: { content: "in a thread", thread: 3 } }),
      said(13, { message: { content: "@me", mentions: [{ kind: "user", userId: me }] } }),
      said(14, { message: { content: "@other", mentions: [{ kind: "user", userId: other }] } }),
      said(15, { message: { content: "@room", mentions: [{ kind: "room" }] } }),
      said(16, { message: undefined, reaction: { seq: 11, emoji: "👍" } }),
    );
    expect(marker(chat)).toMatchObject({ unread: 4, mentions: 2, readSeq: 10 });
  });

  test("what one writes oneself moves the marker", () => {
    const { chat } = take(welcomed(state()), said(11), said(12, { actor: { userId: me } }), said(13));
    expect(marker(chat)).toMatchObject({ unread: 1, readSeq: 12 });
  });

  test("a marker of another device counts from its head on", () => {
    const { chat } = take(welcomed(state()), said(11), said(12), said(13), {
      userEvent: { marker: { roomId, readSeq: 11, unread: 1, headSeq: 12 } },
    });
    expect(marker(chat)).toMatchObject({ readSeq: 11, unread: 2 });
  });

  test("a marker that is ahead of the events counts them already", () => {
    const { chat } = take(
      welcomed(state()),
      { userEvent: { marker: { roomId, readSeq: 10, unread: 2, headSeq: 12 } } },
      said(11),
      said(12),
      said(13),
    );
    expect(marker(chat).unread).toBe(3);
  });

  test("an old marker changes nothing; one of a higher rev may go back", () => {
    const moved = (readSeq: number, unread: number, rev = 0) => ({ userEvent: { marker: { roomId, readSeq, unread, rev, headSeq: 10 } } });
    const unread = take(welcomed(state()), moved(8, 2), moved(5, 5, 1)).chat;
    expect(marker(unread)).toMatchObject({ readSeq: 5, unread: 5, rev: 1 });
    expect(marker(take(unread, moved(10, 0)).chat)).toMatchObject({ readSeq: 5, unread: 5 });
    expect(marker(take(welcomed(state()), moved(8, 2)).chat)).toMatchObject({ readSeq: 10, unread: 0 });
  });

  test("the marker of a thread moves only the mentions", () => {
    const { chat } = take(welcomed(state({ unread: 3, mentions: 2, readSeq: 7 })), {
      userEvent: { marker: { roomId, thread: 4, readSeq: 9, unread: 0, mentions: 1 } },
    });
    expect(marker(chat)).toMatchObject({ unread: 3, mentions: 1, readSeq: 7 });
  });
});

describe("people", () => {
  test("come and go", () => {
    const { chat } = take(
      welcomed(state()),
      said(11, { message: undefined, memberJoined: { user: { id: "u3", username: "third" }, role: "member" } }),
      said(12, { message: undefined, memberLeft: { user: { id: other, username: "other" }, reason: "left" } }),
    );
    expect(room(chat).room.members.map((u) => u.id)).toEqual([me, "u3"]);
    expect(room(chat).room.memberCount).toBe(2);
  });

  test("have another role, or are muted", () => {
    const { chat } = take(
      welcomed(state()),
      said(11, {
        message: undefined,
        memberJoined: { user: { id: me }, role: "admin", isChange: true, mutedUntil: "2026-11-24T00:00:00Z" },
      }),
    );
    expect(room(chat)).toMatchObject({ role: "admin", mutedUntil: "2026-11-24T00:00:00Z" });
    expect(room(chat).room.memberCount).toBe(2);
  });

  test("have another name everywhere", () => {
    const { chat } = take(opened(welcomed(state())), said(11), { profile: { user: { id: other, username: "renamed" } } });
    expect(room(chat).windows[0]?.messages.at(-1)?.username).toBe("renamed");
    expect(chat.people[other]?.username).toBe("renamed");
    expect(room(chat).room.members[1]?.username).toBe("renamed");
  });

  test("type until they say something, or for six seconds", () => {
    const typing = { signal: { roomId, userId: other, typing: true } };
    const [chat] = receive(welcomed(state()), typing, 1000);
    expect(room(chat).typing).toEqual({ [other]: 7000 });
    expect(room(take(chat, said(11)).chat).typing).toEqual({});
    const [later] = receive(chat, { signal: { roomId, userId: "u3", typing: true } }, 8000);
    expect(room(later).typing).toEqual({ u3: 14_000 });
  });

  test("have read and received, and that does not go back", () => {
    const receipt = (readSeq: number, deliveredSeq: number) => ({ receipt: { roomId, userId: other, readSeq, deliveredSeq } });
    const { chat } = take(welcomed(state()), receipt(5, 9), receipt(7, 8));
    expect(room(chat).receipts[other]).toEqual({ readSeq: 7, deliveredSeq: 9 });
  });
});

test("a room that one joins is there, and one that one has left is not", () => {
  const { chat } = take(welcomed(), { userEvent: { joined: state() } }, said(11));
  expect(room(chat)).toMatchObject({ seq: 11, marker: { unread: 1 } });
  expect(take(chat, { gone: { roomId } }).chat.rooms).toEqual({});
});

test("an update of the room holds in all its fields", () => {
  const { chat } = take(
    welcomed(state()),
    said(11, { message: undefined, roomUpdated: { name: "park", topic: "trees", isArchived: true } }),
  );
  expect(room(chat).room).toMatchObject({ name: "park", topic: "trees", isArchived: true, description: "", memberCount: 2 });
});

test("of two preferences the later one counts", () => {
  const preferences = (rev: number, isFavourite: boolean) => ({
    userEvent: { preferences: { roomId, preferences: { rev, isFavourite } } },
  });
  const { chat } = take(welcomed(state()), preferences(2, true), preferences(1, false));
  expect(room(chat).preferences).toMatchObject({ isFavourite: true, rev: 2 });
});
