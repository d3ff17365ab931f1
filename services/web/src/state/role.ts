// Who may do what to a room and its members, as pkg/role decides it on the server: what that would refuse is not offered.
import type { Role } from "~/protocol/types";

/** Roles that can be given, from the most to the least powerful. The owner's is given away as a whole. */
export const roles = ["admin", "moderator", "member", "read_only"] as const satisfies readonly Role[];

const ranks: Record<string, number> = { owner: 5, admin: 4, moderator: 3, member: 2, read_only: 1 };

/** Roles of a newer version may do the least. */
const rank = (role: string): number => (role === "" ? 0 : (ranks[role] ?? 1));

/** Whoever changes, mutes, kicks or bans a member is above them. */
export const isAbove = (role: string, other: string): boolean => rank(role) > rank(other);

export type Action = "invite" | "describe" | "remove" | "appoint" | "govern" | "own";

/** The least role for it, in a room and in a group; nobody may in a direct conversation. */
const least: Record<Action, { room: Role; group: Role }> = {
  invite: { room: "admin", group: "member" },
  describe: { room: "admin", group: "member" },
  remove: { room: "moderator", group: "owner" },
  appoint: { room: "admin", group: "owner" },
  govern: { room: "admin", group: "owner" },
  own: { room: "owner", group: "owner" },
};

/** Whether a member with this role may do something in a room of this kind: room, group or direct. */
export const may = (role: string, action: Action, kind: string): boolean =>
  kind !== "direct" && !isAbove(least[action][kind === "group" ? "group" : "room"], role);
