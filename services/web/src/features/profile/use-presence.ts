import { useEffect } from "react";
import { useApp, useClient } from "~/features/app/client-context";
import type { Presence, UserId } from "~/protocol/types";
import { presenceOf } from "~/state/selectors";

/** Whether somebody is there and what they say about it, as long as it is on the screen; undefined: not known (yet). */
export function usePresence(userId: UserId | undefined): Presence | undefined {
  const client = useClient();
  useEffect(() => (userId ? client.watch([userId]) : undefined), [client, userId]);
  return useApp(presenceOf(userId ?? ""));
}
