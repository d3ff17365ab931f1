import { createContext, type ReactNode, useContext } from "react";
import { useStore } from "zustand";
import type { Client } from "~/client.client";
import type { AppState } from "~/state/store";

const Context = createContext<Client | undefined>(undefined);

export const ClientProvider = ({ client, children }: { client: Client; children: ReactNode }) => (
  <Context value={client}>{children}</Context>
);

/** What can be done: see Client. */
export function useClient(): Client {
  const client = useContext(Context);
  if (!client) throw new Error("useClient: there is no ClientProvider above");
  return client;
}

/** A part of the state; select as little as is shown. Selectors that make new arrays or objects need useShallow. */
export const useApp = <T,>(select: (state: AppState) => T): T => useStore(useClient().store, select);
