// The member list as it changes while somebody looks at it.
import type { MemberJson } from "~/protocol/gen/natter/chat/v1/chat_pb";
import type { RoomEvent } from "~/protocol/types";

/** What an event makes of the members that are loaded. The same list comes back when it is not about them. */
export function withEvent(members: readonly MemberJson[], { memberJoined, memberLeft, createdAt }: RoomEvent): readonly MemberJson[] {
  const id = (memberJoined ?? memberLeft)?.user?.id;
  if (!id) return members;
  const old = members.find(({ user }) => user?.id === id);
  if (memberLeft) return old ? members.filter((m) => m !== old) : members;
  const { user, role, mutedUntil } = memberJoined ?? {};
  const now: MemberJson = { user: { ...old?.user, ...user }, role, mutedUntil, joinedAt: old?.joinedAt ?? createdAt };
  return old ? members.map((m) => (m === old ? now : m)) : [...members, now];
}

/** Who is shown for what was typed: a part of the name, in any case. */
export function found(members: readonly MemberJson[], text: string): readonly MemberJson[] {
  const part = text.trim().toLocaleLowerCase();
  return part === "" ? members : members.filter(({ user }) => user?.username?.toLocaleLowerCase().includes(part));
}

export const isMuted = ({ mutedUntil }: MemberJson, now: number): boolean => mutedUntil !== undefined && Date.parse(mutedUntil) > now;
