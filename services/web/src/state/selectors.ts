// Narrow views of the state: a component that uses one renders again only when that changes.
import type { OutboxItem } from "~/outbox/outbox.client";
import type { RoomId, Seq, UserId } from "~/protocol/types";
import type { RoomEntry } from "./chat";
import type { AppState } from "./store";
import type { Timeline } from "./timeline";

export const roomEntry =
  (roomId: RoomId) =>
  (s: AppState): RoomEntry | undefined =>
    s.chat.rooms[roomId];
export const timeline =
  (roomId: RoomId, thread: Seq = 0) =>
  (s: AppState): Timeline | undefined =>
    s.chat.rooms[roomId]?.windows[thread];
export const person = (userId: UserId) => (s: AppState) => s.chat.people[userId];
export const presenceOf = (userId: UserId) => (s: AppState) => s.chat.presence[userId];
export const isLive = (s: AppState): boolean => s.link.status === "live";
/** Whether the user administrates this server. */
export const isAdmin = (s: AppState): boolean => s.role === "admin" || s.role === "owner";
export const hasRooms = (s: AppState): boolean => s.chat.epoch !== "";

/** What is not there as a message yet. Compare the result by shallow equality (useShallow). */
export const unsentIn =
  (roomId: RoomId, thread: Seq = 0) =>
  (s: AppState): OutboxItem[] => {
    const seen = s.chat.rooms[roomId]?.seq ?? 0;
    return s.outbox.filter((item) => item.roomId === roomId && item.thread === thread && !(item.state === "sent" && item.seq <= seen));
  };

/** Of a direct conversation: the other one. */
export const otherOf = (entry: RoomEntry, me: UserId | undefined) => entry.room.members.find((u) => u.id !== me);

/** What a room is called: groups and direct conversations without a name are called by who is in them. */
export function roomTitle(entry: RoomEntry, me: UserId | undefined): string {
  if (entry.room.name) return entry.room.name;
  return (
    entry.room.members
      .filter((u) => u.id !== me)
      .map((u) => u.username)
      .join(", ") || entry.room.creator.username
  );
}
