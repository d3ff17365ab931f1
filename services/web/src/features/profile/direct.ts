import type { useRouter } from "@tanstack/react-router";
import type { Client } from "~/client.client";
import type { RoomJson, UserId } from "~/protocol/types";

/** Goes to the one conversation with somebody, which begins when there is none. */
export async function openDirect(client: Client, router: ReturnType<typeof useRouter>, userId: UserId): Promise<void> {
  try {
    const room = await client.rest.post<RoomJson>("/chat/direct", { userId });
    await router.navigate({ to: "/rooms/$roomId", params: { roomId: room.id ?? "" } });
  } catch (error) {
    client.fail(error);
  }
}
