// What somebody may do with a message, as the server will decide it: what it would refuse is not offered.
import type { Message, Role, UserId } from "~/protocol/types";
import type { RoomEntry } from "~/state/chat";

export interface Permissions {
  /** Write, react and change what one wrote. */
  write: boolean;
  pin: boolean;
  deleteOthers: boolean;
}

const ranks: Record<Role, number> = { read_only: 0, member: 1, moderator: 2, admin: 3, owner: 4 };

export function permissions(entry: RoomEntry | undefined, now: number): Permissions {
  if (!entry) return { write: false, pin: false, deleteOthers: false };
  const rank = ranks[entry.role as Role] ?? 0;
  const muted = entry.mutedUntil !== undefined && Date.parse(entry.mutedUntil) > now;
  const write = rank >= ranks.member && !entry.room.isArchived && !muted;
  const { kind } = entry.room;
  return {
    write,
    pin: write && (kind !== "room" || rank >= ranks.moderator),
    deleteOthers: write && (kind === "room" ? rank >= ranks.moderator : kind === "group" && rank >= ranks.owner),
  };
}

/** Whether somebody may delete a message. */
export const mayDelete = (m: Message, me: UserId | undefined, p: Permissions): boolean =>
  !m.isDeleted && p.write && (m.userId === me || p.deleteOthers);
