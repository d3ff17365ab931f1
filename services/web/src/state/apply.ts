// The only writer of what the client knows: one pure step per frame of the server.
import * as decode from "~/protocol/decode";
import { typingLife } from "~/protocol/limits";
import type { Marker, Membership, RoomEvent, RoomId, ServerFrame, UserId, UserRef, Welcome } from "~/protocol/types";
import { type Chat, type Effect, entryOf, markerOf, maxRecent, maxWindow, type ReadMarker, type RoomEntry } from "./chat";
import { applyEvent, rename, type Timeline } from "./timeline";

/** Takes a frame in; now is in milliseconds of the monotonic clock. Answers to requests are not for here. */
export function receive(chat: Chat, frame: ServerFrame, now: number): [Chat, Effect[]] {
  if (frame.event) return receiveEvent(chat, decode.event(frame.event));
  if (frame.welcome) return welcome(chat, decode.welcome(frame.welcome));
  const { caughtUp, reset, gone, signal, receipt, presence, profile, userEvent } = frame;
  if (caughtUp) return [inRoom(chat, caughtUp.roomId, (r) => ({ ...r, catchingUp: false })), []];
  if (reset)
    return [inRoom(chat, reset.roomId, (r) => ({ ...r, catchingUp: false, seq: reset.headSeq ?? 0, recent: [], windows: {} })), []];
  if (gone) return [without(chat, gone.roomId ?? ""), []];
  if (signal)
    return [inRoom(chat, signal.roomId, (r) => ({ ...r, typing: typing(r, signal.userId ?? "", signal.typing ?? false, now) })), []];
  if (receipt) {
    const { userId = "", readSeq = 0, deliveredSeq = 0 } = receipt;
    return [
      inRoom(chat, receipt.roomId, (r) => {
        const old = r.receipts[userId];
        const seen = { readSeq: Math.max(readSeq, old?.readSeq ?? 0), deliveredSeq: Math.max(deliveredSeq, old?.deliveredSeq ?? 0) };
        return { ...r, receipts: { ...r.receipts, [userId]: seen } };
      }),
      [],
    ];
  }
  if (presence) return [{ ...chat, presence: { ...chat.presence, [presence.userId ?? ""]: decode.presence(presence) } }, []];
  if (profile) return [renamed(chat, decode.userRef(profile.user)), []];
  if (!userEvent) return [chat, []];
  if (userEvent.invited) return [{ ...chat, invitations: chat.invitations + 1 }, []];
  if (userEvent.joined) return [joined(chat, decode.membership(userEvent.joined)), []];
  if (userEvent.marker)
    return [markerMoved(chat, { roomId: "", readSeq: 0, unread: 0, rev: 0, mentions: 0, thread: 0, headSeq: 0, ...userEvent.marker }), []];
  if (userEvent.profile) {
    const me = decode.user(userEvent.profile);
    return [renamed({ ...chat, me }, decode.userRef(me)), []];
  }
  const changed = userEvent.preferences;
  if (changed) {
    const preferences = decode.preferences(changed.preferences);
    return [inRoom(chat, changed.roomId, (r) => (preferences.rev >= r.preferences.rev ? { ...r, preferences } : r)), []];
  }
  return [chat, []];
}

/** What hello resumes: rooms of which something is loaded. For the others, the welcome says all there is to show. */
export function resumeAll(chat: Chat): [Chat, { roomId: RoomId; seq: number }[]] {
  const open = Object.entries(chat.rooms).filter(([, r]) => Object.keys(r.windows).length > 0);
  const rooms = { ...chat.rooms };
  for (const [roomId, r] of open) rooms[roomId] = { ...r, catchingUp: true };
  return [{ ...chat, rooms, listed: undefined }, open.map(([roomId, r]) => ({ roomId, seq: r.seq }))];
}

export const inRoom = (chat: Chat, roomId: RoomId | undefined, change: (r: RoomEntry) => RoomEntry): Chat => {
  const r = roomId ? chat.rooms[roomId] : undefined;
  if (!r || !roomId) return chat;
  const next = change(r);
  return next === r ? chat : { ...chat, rooms: { ...chat.rooms, [roomId]: next } };
};

const without = (chat: Chat, roomId: RoomId): Chat => {
  const { [roomId]: _, ...rooms } = chat.rooms;
  return { ...chat, rooms };
};

/** A welcome comes in pages; after the last one, rooms that none has listed are gone. */
function welcome(chat: Chat, w: Welcome): [Chat, Effect[]] {
  const effects: Effect[] = [];
  const listed = new Set([...(chat.listed ?? []), ...w.rooms.map((m) => m.room.id)]);
  const rooms: Record<RoomId, RoomEntry> = { ...chat.rooms };
  for (const m of w.rooms) {
    const old = rooms[m.room.id];
    if (!old || Object.keys(old.windows).length === 0) {
      rooms[m.room.id] = { ...entryOf(m), lastAt: old?.lastAt };
      continue;
    }
    rooms[m.room.id] = {
      ...old,
      room: roomOf(m, old),
      role: m.role,
      mutedUntil: m.mutedUntil,
      preferences: m.preferences,
      marker: markerOf(m),
    };
    if (!old.catchingUp && m.headSeq > old.seq) effects.push({ kind: "resume", roomId: m.room.id, seq: old.seq });
  }
  if (!w.more) for (const id of Object.keys(rooms)) if (!listed.has(id)) delete rooms[id];
  const people = learn(chat.people, w.rooms.flatMap((m) => [m.room.creator, ...m.room.members]).concat(decode.userRef(w.user)));
  return [{ ...chat, me: w.user, epoch: w.epoch, rooms, people, listed: w.more ? listed : undefined }, effects];
}

/** Lists leave the members of large rooms out: those that are known stay. */
const roomOf = (m: Membership, old: RoomEntry) => (m.room.members.length > 0 ? m.room : { ...m.room, members: old.room.members });

function joined(chat: Chat, m: Membership): Chat {
  const people = learn(chat.people, [m.room.creator, ...m.room.members]);
  return { ...chat, people, rooms: { ...chat.rooms, [m.room.id]: chat.rooms[m.room.id] ?? entryOf(m) } };
}

function receiveEvent(chat: Chat, e: RoomEvent): [Chat, Effect[]] {
  const old = chat.rooms[e.roomId];
  if (!old || e.seq <= old.seq) return [chat, []];
  if (e.seq > old.seq + 1) {
    // What is being resumed reaches up to it.
    if (old.catchingUp) return [chat, []];
    return [inRoom(chat, e.roomId, (r) => ({ ...r, catchingUp: true })), [{ kind: "resume", roomId: e.roomId, seq: old.seq }]];
  }
  const { userId, username, avatar } = e.actor;
  const people = learn(chat.people, [decode.userRef({ id: userId, username, avatar })]);
  return [{ ...chat, people, rooms: { ...chat.rooms, [e.roomId]: applyToRoom(old, e, chat.me?.id ?? "") } }, []];
}

/** The next event of a room. */
export function applyToRoom(r: RoomEntry, e: RoomEvent, me: UserId): RoomEntry {
  const windows: Record<number, Timeline> = {};
  for (const t of Object.values(r.windows)) windows[t.thread] = trimmed(applyEvent(t, e));
  const { [e.actor.userId]: _, ...stillTyping } = r.typing;
  return {
    ...roomChanged(r, e, me),
    seq: e.seq,
    windows,
    recent: [...r.recent.slice(1 - maxRecent), e],
    marker: counted(r.marker, e, me),
    ...(e.message && { typing: stillTyping, lastAt: e.createdAt }),
  };
}

/** A window that follows the end loses the oldest; one whose reader is elsewhere stops to grow instead. */
function trimmed(t: Timeline): Timeline {
  if (t.messages.length <= maxWindow) return t;
  if (!t.following) return { ...t, messages: t.messages.slice(0, maxWindow), newer: true };
  const messages = t.messages.slice(-Math.floor(maxWindow / 2));
  const first = messages[0]?.seq ?? 0;
  return { ...t, messages, notices: t.notices.filter((n) => n.seq > first), older: true };
}

function roomChanged(r: RoomEntry, e: RoomEvent, me: UserId): RoomEntry {
  const { memberJoined, memberLeft, roomUpdated } = e;
  if (roomUpdated) return { ...r, room: { ...r.room, ...decode.roomUpdate(roomUpdated) } };
  const who = decode.userRef((memberJoined ?? memberLeft)?.user);
  if (memberJoined?.isChange) {
    return who.id === me ? { ...r, role: memberJoined.role ?? r.role, mutedUntil: memberJoined.mutedUntil } : r;
  }
  if (memberJoined && !r.room.members.some((u) => u.id === who.id)) {
    const members = r.room.members.length < 50 ? [...r.room.members, who] : r.room.members;
    return { ...r, room: { ...r.room, members, memberCount: r.room.memberCount + 1 } };
  }
  if (memberLeft) {
    return {
      ...r,
      room: { ...r.room, members: r.room.members.filter((u) => u.id !== who.id), memberCount: Math.max(0, r.room.memberCount - 1) },
    };
  }
  return r;
}

/** Counts a message of somebody else as unread. What the user writes themself moves their marker. */
function counted(m: ReadMarker, e: RoomEvent, me: UserId): ReadMarker {
  const posted = e.message;
  if (!posted || posted.deleted || e.seq <= m.countedTo) return m;
  const inThread = (posted.thread ?? 0) !== 0;
  if (e.actor.userId === me) return inThread ? m : { ...m, readSeq: e.seq, unread: 0, countedTo: e.seq };
  const mentioned = (posted.mentions ?? []).some((x) => x.kind !== "user" || x.userId === me);
  return { ...m, unread: m.unread + (inThread ? 0 : 1), mentions: m.mentions + (mentioned ? 1 : 0), countedTo: e.seq };
}

/** Of two markers the one with the higher rev counts, of those with the same rev the one with the higher readSeq. */
function markerMoved(chat: Chat, moved: Marker): Chat {
  return inRoom(chat, moved.roomId, (r) => {
    const old = r.marker;
    if (moved.thread !== 0) return { ...r, marker: { ...old, mentions: moved.mentions } };
    if (moved.rev < old.rev || (moved.rev === old.rev && moved.readSeq < old.readSeq)) return r;
    const asOfHead: ReadMarker = {
      readSeq: moved.readSeq,
      rev: moved.rev,
      unread: moved.unread,
      mentions: moved.mentions,
      countedTo: moved.headSeq,
    };
    const me = chat.me?.id ?? "";
    return { ...r, marker: r.recent.filter((e) => e.seq > moved.headSeq).reduce((m, e) => counted(m, e, me), asOfHead) };
  });
}

function typing(r: RoomEntry, userId: UserId, active: boolean, now: number): RoomEntry["typing"] {
  const others = Object.fromEntries(Object.entries(r.typing).filter(([id, until]) => id !== userId && until > now));
  return active ? { ...others, [userId]: now + typingLife } : others;
}

function renamed(chat: Chat, who: UserRef): Chat {
  const rooms = Object.fromEntries(
    Object.entries(chat.rooms).map(([id, r]) => {
      const windows = Object.fromEntries(Object.values(r.windows).map((t) => [t.thread, rename(t, who)]));
      const named = (u: UserRef) => (u.id === who.id ? who : u);
      return [id, { ...r, windows, room: { ...r.room, creator: named(r.room.creator), members: r.room.members.map(named) } }];
    }),
  );
  return { ...chat, rooms, people: learn(chat.people, [who]) };
}

/** Remembers people. The same object comes back when nothing is new. */
function learn(people: Chat["people"], seen: readonly UserRef[]): Chat["people"] {
  const news = seen.filter((u) => {
    const old = people[u.id];
    return u.id !== "" && (!old || old.username !== u.username || old.avatar !== u.avatar);
  });
  return news.length === 0 ? people : { ...people, ...Object.fromEntries(news.map((u) => [u.id, u])) };
}
