import { useEffect } from "react";
import type { UserId } from "~/protocol/types";
import { useClient } from "./client-context";

/** Wants to be told of the presence of these people (ids joined by spaces) while the component is there. */
export function useWatched(userIds: string): void {
  const client = useClient();
  useEffect(() => (userIds === "" ? undefined : client.watch(userIds.split(" ") as UserId[])), [client, userIds]);
}
