import { createRouter } from "@tanstack/react-router";
import { Client } from "./client.client";
import { Failed, Loading, NotFound } from "./features/app/pages";
import { routeTree } from "./routeTree.gen";

export function getRouter() {
  return createRouter({
    routeTree,
    // The build renders the empty page around the client, where there is no browser.
    context: { client: typeof document === "undefined" ? undefined : new Client() },
    defaultPreload: "intent",
    defaultPendingComponent: Loading,
    defaultPendingMs: 300,
    defaultErrorComponent: Failed,
    defaultNotFoundComponent: NotFound,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof getRouter>;
  }
}
