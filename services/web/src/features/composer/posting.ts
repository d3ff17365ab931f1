// Whether somebody may write in a conversation, as the server will decide it: what it would refuse is explained beforehand. Pure.
import type { Role, Seq } from "~/protocol/types";
import type { RoomEntry } from "~/state/chat";

export type Posting =
  | { kind: "open" }
  | { kind: "archived" | "readOnly" | "announcement" }
  /** Until a time in milliseconds since 1970. */
  | { kind: "muted"; until: number };

const ranks: Record<Role, number> = { read_only: 0, member: 1, moderator: 2, admin: 3, owner: 4 };
const rankOf = (entry: RoomEntry): number => ranks[entry.role as Role] ?? 0;

export function posting(entry: RoomEntry, thread: Seq, now: number): Posting {
  const { room, mutedUntil } = entry;
  if (room.isArchived) return { kind: "archived" };
  if (rankOf(entry) < ranks.member) return { kind: "readOnly" };
  const until = mutedUntil === undefined ? 0 : Date.parse(mutedUntil);
  if (until > now) return { kind: "muted", until };
  if (room.isAnnouncement && thread === 0 && rankOf(entry) < ranks.moderator) return { kind: "announcement" };
  return { kind: "open" };
}

/** Whether somebody may call everybody: @room, @here. */
export const callsAll = (entry: RoomEntry): boolean =>
  entry.room.kind !== "direct" && rankOf(entry) >= (entry.room.kind === "room" ? ranks.moderator : ranks.member);

/** Milliseconds between two messages of this member; 0: none. */
export const slowMode = (entry: RoomEntry): number => (rankOf(entry) < ranks.moderator ? entry.room.slowModeSeconds * 1000 : 0);

/** How long to wait for the next message, in milliseconds, after the last one; never longer than the interval, whatever the clocks say. */
export const waitOf = (interval: number, lastAt: number, now: number): number => Math.min(interval, Math.max(0, lastAt + interval - now));
