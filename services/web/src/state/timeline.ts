// A window of a room's history (or of one of its threads) and how events change it: the rules of proto/testdata/folding, by which
// page + events = later page. Pure; what changes is replaced, so that components may compare by identity.

import { file, userRef } from "~/protocol/decode";
import { maxNoticed, maxQuote, maxReactors } from "~/protocol/limits";
import type { Message, Notice, Page, Quote, Reaction, RoomEvent, RoomId, Seq, UserRef } from "~/protocol/types";

export interface Timeline {
  readonly roomId: RoomId;
  /** seq of the message whose thread it is; 0: the room itself. */
  readonly thread: Seq;
  /** The last event that is folded in. */
  readonly asOf: Seq;
  /** Oldest first. */
  readonly messages: readonly Message[];
  readonly notices: readonly Notice[];
  /** There are older messages, or newer ones, than the window has. */
  readonly older: boolean;
  readonly newer: boolean;
  /** Its reader is at the end. */
  readonly following: boolean;
}

export const timelineOf = (page: Page, newer = false): Timeline => ({
  roomId: page.roomId,
  thread: page.thread,
  asOf: page.asOfSeq,
  older: page.more,
  newer,
  following: !newer,
  messages: page.messages.toReversed(),
  notices: page.notices.toReversed(),
});

/** Folds the next event of the room in. One that is in already changes nothing; before another one that is missing, do not call it. */
export function applyEvent(t: Timeline, e: RoomEvent): Timeline {
  if (e.seq <= t.asOf) return t;
  return { ...fold(t, e), asOf: e.seq };
}

function fold(t: Timeline, e: RoomEvent): Timeline {
  if (e.message) return post(t, e, e.message);
  if (e.edited) return edit(t, e, e.edited);
  if (e.deleted) return remove(t, e, e.deleted.seq ?? 0);
  const { reaction, pinned } = e;
  if (reaction) {
    return mutate(t, e, reaction.seq, (m) => ({
      ...m,
      reactions: react(m.reactions, e.actor.userId, reaction.emoji ?? "", reaction.removed ?? false),
    }));
  }
  if (pinned) return mutate(t, e, pinned.seq, (m) => ({ ...m, isPinned: !pinned.removed }));
  return notify(t, e);
}

/** The message with this seq, if the window has it. */
export const messageAt = (t: Timeline, seq: Seq): Message | undefined => {
  const m = t.messages[indexOf(t.messages, seq)];
  return m?.seq === seq ? m : undefined;
};

/** Place of a message in the window, or where it would be. */
export function indexOf(messages: readonly { seq: Seq }[], seq: Seq): number {
  let [low, high] = [0, messages.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((messages[middle]?.seq ?? 0) < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Gives everything of a user their new name and avatar. */
export function rename(t: Timeline, who: UserRef): Timeline {
  const named = (u: UserRef) => (u.id === who.id ? { ...u, username: who.username, avatar: who.avatar } : u);
  const messages = t.messages.map((m) => {
    const quoted = m.quote?.userId === who.id;
    if (m.userId !== who.id && !quoted) return m;
    return {
      ...m,
      ...(m.userId === who.id && { username: who.username, avatar: who.avatar }),
      ...(quoted && m.quote && { quote: { ...m.quote, username: who.username } }),
    };
  });
  const notices = t.notices.map((n) =>
    n.actor.id === who.id || n.users.some((u) => u.id === who.id) ? { ...n, actor: named(n.actor), users: n.users.map(named) } : n,
  );
  return { ...t, messages, notices };
}

function change(t: Timeline, seq: Seq, how: (m: Message) => Message): Timeline {
  const at = indexOf(t.messages, seq);
  const old = t.messages[at];
  return old?.seq === seq ? { ...t, messages: t.messages.with(at, how(old)) } : t;
}

/** change by an event about a message. Nothing more happens to a deleted one. */
const mutate = (t: Timeline, e: RoomEvent, seq: Seq = 0, how: (m: Message) => Message): Timeline =>
  change(t, seq, (m) => (m.isDeleted ? m : { ...how(m), updatedAt: e.createdAt }));

/** Adds a message if it belongs here, and counts it on the message whose thread it is in. */
function post(t: Timeline, e: RoomEvent, posted: NonNullable<RoomEvent["message"]>): Timeline {
  const root = posted.thread ?? 0;
  if (root !== 0) {
    const replies = { count: posted.threadOrdinal ?? 0, lastSeq: e.seq, lastAt: e.createdAt, lastUserId: e.actor.userId };
    t = change(t, root, (m) => ({ ...m, replies }));
  }
  if (root !== t.thread || t.newer) return t;
  const quoted = posted.replyTo ? messageAt(t, posted.replyTo) : undefined;
  const m: Message = {
    _id: `${e.roomId}:${e.seq}`,
    seq: e.seq,
    ordinal: e.ordinal,
    roomId: e.roomId,
    userId: e.actor.userId,
    username: e.actor.username,
    avatar: e.actor.avatar,
    nonce: e.nonce,
    content: posted.content ?? "",
    type: posted.type ?? "",
    fileUrl: posted.fileUrl ?? "",
    file: posted.file && file(posted.file),
    mentions: (posted.mentions ?? []).map((mention) => ({ kind: "", userId: "", offset: 0, length: 0, ...mention })),
    createdAt: e.createdAt,
    updatedAt: e.createdAt,
    isDeleted: posted.deleted ?? false,
    isEdited: false,
    isPinned: false,
    reactions: [],
    replyTo: posted.replyTo ?? 0,
    thread: root,
    threadOrdinal: posted.threadOrdinal ?? 0,
    quote: quoted && quote(quoted),
  };
  return { ...t, messages: [...t.messages, m] };
}

function edit(t: Timeline, e: RoomEvent, edited: NonNullable<RoomEvent["edited"]>): Timeline {
  const content = edited.content ?? "";
  const changed = change(t, edited.seq ?? 0, (m) => ({
    ...m,
    isEdited: true,
    editedAt: e.createdAt,
    updatedAt: e.createdAt,
    // One that is gone is resumed with its edits, which are empty.
    ...(!m.isDeleted && { content, mentions: (edited.mentions ?? []).map((x) => ({ kind: "", userId: "", offset: 0, length: 0, ...x })) }),
  }));
  return requote(changed, edited.seq ?? 0, (q) => ({ ...q, content: firstChars(content, maxQuote) }));
}

/** Takes the content. A message that was resumed has lost it before, but not when it was deleted. */
function remove(t: Timeline, e: RoomEvent, seq: Seq): Timeline {
  const changed = change(t, seq, (m) => ({
    ...m,
    isDeleted: true,
    isPinned: false,
    updatedAt: e.createdAt,
    content: "",
    fileUrl: "",
    file: undefined,
    mentions: [],
    reactions: [],
  }));
  return requote(changed, seq, (q) => ({ ...q, isDeleted: true, content: "" }));
}

/** Changes what the replies to a message show of it. */
function requote(t: Timeline, seq: Seq, how: (q: Quote) => Quote): Timeline {
  const concerned = (m: Message) => m.quote?.seq === seq && !m.quote.isDeleted;
  if (!t.messages.some(concerned)) return t;
  return { ...t, messages: t.messages.map((m) => (m.quote && concerned(m) ? { ...m, quote: how(m.quote) } : m)) };
}

const quote = (m: Message): Quote => ({
  seq: m.seq,
  userId: m.userId,
  username: m.username,
  content: firstChars(m.content, maxQuote),
  type: m.type,
  isDeleted: m.isDeleted,
});

/** The beginning of a text, in code points. */
const firstChars = (text: string, n: number): string => (text.length <= n ? text : [...text].slice(0, n).join(""));

/**
 * Counts a reaction. The first 50 users are named: once one of them has taken theirs back, who comes next is not known before the
 * message is fetched again, so later ones are only counted.
 */
function react(all: readonly Reaction[], user: string, emoji: string, removed: boolean): Reaction[] {
  const at = all.findIndex((r) => r.emoji === emoji);
  const old = all[at];
  if (!old) return removed ? [...all] : [...all, { emoji, count: 1, userIds: [user] }];
  if (!removed) {
    const named = old.userIds.length === old.count && old.count < maxReactors;
    return all.with(at, { ...old, count: old.count + 1, userIds: named ? [...old.userIds, user] : old.userIds });
  }
  if (old.count === 1) return all.toSpliced(at, 1);
  return all.with(at, { ...old, count: old.count - 1, userIds: old.userIds.filter((id) => id !== user) });
}

/**
 * Says what happened between messages. It goes on with the newest notice when that is of the same kind and no message stands between;
 * threads have none.
 */
function notify(t: Timeline, e: RoomEvent): Timeline {
  const n = noticeOf(e);
  if (!n || t.thread !== 0 || t.newer) return t;
  const before = t.notices.at(-1);
  const goesOn = before && before.kind === n.kind && before.role === n.role && (t.messages.at(-1)?.seq ?? 0) < before.seq;
  return { ...t, notices: goesOn ? [...t.notices.slice(0, -1), joined(before, n)] : [...t.notices, n] };
}

/** One notice of two that follow each other, the later one of a single event. Who is named already does not count again. */
function joined(before: Notice, n: Notice): Notice {
  const together = { ...n, firstSeq: before.firstSeq, count: before.count, users: before.users };
  const who = n.users[0];
  if (who && before.users.some((u) => u.id === who.id)) return together;
  return { ...together, count: before.count + 1, users: before.users.length < maxNoticed ? [...before.users, ...n.users] : before.users };
}

/** The notice of a single event; undefined: it is none that people are shown. */
function noticeOf(e: RoomEvent): Notice | undefined {
  const { memberJoined, memberLeft, roomUpdated } = e;
  const base = {
    seq: e.seq,
    firstSeq: e.seq,
    count: 1,
    createdAt: e.createdAt,
    role: "",
    users: [],
    actor: userRef({ id: e.actor.userId, username: e.actor.username, avatar: e.actor.avatar }),
  };
  if (memberJoined) {
    const kind = memberJoined.isChange ? { kind: "role", role: memberJoined.role ?? "" } : { kind: "joined" };
    return { ...base, ...kind, users: [userRef(memberJoined.user)] };
  }
  if (memberLeft) return { ...base, kind: memberLeft.reason ?? "", users: [userRef(memberLeft.user)] };
  return roomUpdated ? { ...base, kind: "room", room: roomUpdated } : undefined;
}
