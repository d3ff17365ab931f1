// The state that components select from. It is written by the client (client.ts), which applies what the server says.
import { createStore, type StoreApi } from "zustand/vanilla";
import type { OutboxItem } from "~/outbox/outbox.client";
import type { User } from "~/protocol/types";
import { type Link, noLink } from "~/socket/link";
import { type Chat, noChat } from "./chat";

export interface Toast {
  id: number;
  kind: "info" | "error";
  text: string;
}

export interface AppState {
  /** unknown: the cookie has not been tried yet. */
  session: "unknown" | "in" | "out";
  user?: User;
  /** What the user is on this server: owner, admin or member; empty: nobody is signed in. */
  role: string;
  link: Link;
  chat: Chat;
  /** Messages on their way, oldest first. */
  outbox: readonly OutboxItem[];
  toasts: readonly Toast[];
}

export type Store = StoreApi<AppState>;

export const newStore = (): Store =>
  createStore<AppState>(() => ({ session: "unknown", role: "", link: noLink, chat: noChat, outbox: [], toasts: [] }));
