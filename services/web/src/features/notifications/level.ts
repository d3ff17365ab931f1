// What calls whom: pure, so that the notifier, the title of the page and the settings agree.
import type { RoomEvent, UserId } from "~/protocol/types";
import type { Chat, RoomEntry } from "~/state/chat";

export const levels = ["", "all", "mentions", "none"] as const;
export type Level = "all" | "mentions" | "none";

/** What a room calls its member for. Left to the client, rooms call who is mentioned, conversations of few people always. */
export function levelOf({ preferences, room }: Pick<RoomEntry, "preferences" | "room">): Level {
  const { notifications } = preferences;
  if (notifications === "all" || notifications === "mentions" || notifications === "none") return notifications;
  return room.kind === "room" ? "mentions" : "all";
}

/** Whether an event calls me. Replies in threads call only who is mentioned in them, outside of direct conversations. */
export function calls(entry: RoomEntry, event: RoomEvent, me: UserId): boolean {
  const { message, actor } = event;
  if (!message || message.deleted || actor.userId === me) return false;
  const level = levelOf(entry);
  if (level === "none") return false;
  const isMentioned = (message.mentions ?? []).some((m) => m.kind !== "user" || m.userId === me);
  return isMentioned || (level === "all" && (!message.thread || entry.room.kind === "direct"));
}

/** How many unread messages call me, over all rooms. */
export const attention = (chat: Chat): number =>
  Object.values(chat.rooms).reduce((sum, entry) => {
    const level = levelOf(entry);
    const { unread, mentions } = entry.marker;
    return sum + (level === "all" ? Math.max(unread, mentions) : level === "mentions" ? mentions : 0);
  }, 0);

/** What has come since `before` and calls me: events that arrived as they happened, not those that were missed. */
export function newCalls(before: Chat, now: Chat): { entry: RoomEntry; event: RoomEvent }[] {
  if (before.rooms === now.rooms) return [];
  const me = now.me?.id ?? "";
  const found: { entry: RoomEntry; event: RoomEvent }[] = [];
  for (const [id, entry] of Object.entries(now.rooms)) {
    const old = before.rooms[id];
    if (!old || old === entry || entry.seq === old.seq || old.catchingUp) continue;
    for (const event of entry.recent.slice(-(entry.seq - old.seq))) {
      if (event.seq > old.seq && event.seq > entry.marker.readSeq && calls(entry, event, me)) found.push({ entry, event });
    }
  }
  return found;
}
