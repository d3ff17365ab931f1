import type { Client } from "~/client.client";
import type { Preferences, RoomId } from "~/protocol/types";
import { at } from "~/rest/rest.client";

/** Changes how the user wants a room shown. All their devices are told, this one as well. */
export async function setPreferences(client: Client, roomId: RoomId, change: Partial<Omit<Preferences, "rev">>): Promise<void> {
  const before = client.store.getState().chat.rooms[roomId]?.preferences;
  if (!before) return;
  const { isFavourite, hiddenSeq, notifications } = { ...before, ...change };
  await client.rest.call("PUT", at`/chat/rooms/${roomId}/preferences`, { body: { isFavourite, hiddenSeq, notifications } });
}
