import { Outlet, useRouter } from "@tanstack/react-router";
import { useEffect } from "react";
import type { RoomId } from "~/protocol/types";
import { useApp, useClient } from "./client-context";

/** Around every page of who is signed in. Whoever is signed out, here or in another tab, leaves. */
export function AppFrame() {
  const session = useApp((s) => s.session);
  const router = useRouter();
  const client = useClient();
  useEffect(() => {
    const go = (roomId: RoomId) => void router.navigate({ to: "/rooms/$roomId", params: { roomId } });
    let stop: (() => void) | undefined;
    let stopped = false;
    // The rooms come first.
    void import("~/features/notifications/notifier.client").then(({ startNotifier }) => {
      if (!stopped) stop = startNotifier(client, go);
    });
    return () => {
      stopped = true;
      stop?.();
    };
  }, [client, router]);
  useEffect(() => {
    if (session === "out") void router.navigate({ to: "/sign-in", replace: true });
  }, [session, router]);
  return session === "in" ? <Outlet /> : null;
}
