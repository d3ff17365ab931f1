import { Outlet, useRouter } from "@tanstack/react-router";
import { useEffect } from "react";
import { useApp } from "./client-context";

/** Around every page of who is signed in. Whoever is signed out, here or in another tab, leaves. */
export function AppFrame() {
  const session = useApp((s) => s.session);
  const router = useRouter();
  useEffect(() => {
    if (session === "out") void router.navigate({ to: "/sign-in", replace: true });
  }, [session, router]);
  return session === "in" ? <Outlet /> : null;
}
