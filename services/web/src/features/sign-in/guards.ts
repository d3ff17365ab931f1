import { redirect } from "@tanstack/react-router";
import type { Client } from "~/client.client";
import { safePath } from "./return-to";

/** For pages that need somebody to be signed in. */
export async function toSignInUnlessSignedIn(client: Client | undefined, from: string): Promise<void> {
  if (!client) return;
  const { session } = client.store.getState();
  if (session === "unknown") await client.restore();
  if (client.store.getState().session !== "in")
    throw redirect({ to: "/sign-in", search: from === "/rooms" ? {} : { from }, replace: true });
}

/** For pages that are for nobody in particular. */
export async function toRoomsIfSignedIn(client: Client | undefined, from: string | undefined): Promise<void> {
  if (!client) return;
  if (client.store.getState().session === "unknown") await client.restore();
  if (client.store.getState().session === "in") throw redirect({ href: safePath(from), replace: true });
}
