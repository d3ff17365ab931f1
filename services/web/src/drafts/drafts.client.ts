// What was begun and not sent, per room and thread, on this device: it outlives reloads, and all tabs show the same.
import { createStore } from "zustand/vanilla";
import type { RoomId, Seq, UserId } from "~/protocol/types";

/** By `<roomId>/<thread>`; what is blank is not there. */
export type DraftTexts = Readonly<Record<string, string>>;

export const draftKey = (roomId: RoomId, thread: Seq): string => `${roomId}/${thread}`;

/** The part of Storage that is used. It may be full, or forbidden: then a draft lives as long as its tab. */
export type DraftStorage = Pick<globalThis.Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">;

export class Drafts {
  readonly store = createStore<DraftTexts>(() => ({}));
  #storage: DraftStorage | undefined;
  #prefix = "";

  constructor(storage: DraftStorage | undefined) {
    this.#storage = storage;
  }

  /** Shows the drafts of a user; undefined: nobody's. */
  open(userId: UserId | undefined): void {
    this.#prefix = userId ? `natter-draft/${userId}/` : "";
    this.store.setState(userId ? this.#read() : {}, true);
  }

  set(roomId: RoomId, thread: Seq, text: string): void {
    const key = draftKey(roomId, thread);
    this.#show(key, text);
    try {
      if (text.trim() === "") this.#storage?.removeItem(this.#prefix + key);
      else this.#storage?.setItem(this.#prefix + key, text);
    } catch {}
  }

  /** Another tab changed what is stored; null: all of it. */
  changed(name: string | null, text: string | null): void {
    if (this.#prefix === "") return;
    if (name === null) this.store.setState(this.#read(), true);
    else if (name.startsWith(this.#prefix)) this.#show(name.slice(this.#prefix.length), text ?? "");
  }

  #show(key: string, text: string): void {
    const { [key]: before = "", ...others } = this.store.getState();
    if (text === before) return;
    this.store.setState(text === "" ? others : { ...others, [key]: text }, true);
  }

  #read(): DraftTexts {
    const texts: Record<string, string> = {};
    try {
      for (let i = 0; i < (this.#storage?.length ?? 0); i++) {
        const name = this.#storage?.key(i);
        if (name?.startsWith(this.#prefix)) texts[name.slice(this.#prefix.length)] = this.#storage?.getItem(name) ?? "";
      }
    } catch {}
    return texts;
  }
}
