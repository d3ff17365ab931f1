// Files on their way to a room, before they are sent in a message. They go on while somebody looks at another room, and end with the tab.
import { createStore } from "zustand/vanilla";
import { toFault } from "~/protocol/fault";
import type { FileJson } from "~/protocol/gen/natter/chat/v1/chat_pb";
import type { RoomId, Seq } from "~/protocol/types";
import { at, type Rest } from "~/rest/rest.client";

export interface Upload {
  readonly id: number;
  readonly roomId: RoomId;
  readonly thread: Seq;
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** Of an image that the browser can show: where it is, in this tab only. */
  readonly preview: string;
  /** From 0 to 1; what is 1 may still wait for the server's answer. */
  readonly progress: number;
  /** What the server made of it; undefined: it does not have it yet. */
  readonly file?: { id: string; isImage: boolean };
  /** Why it failed; empty: it did not. */
  readonly failure: string;
}

/** Uploads at a time; others wait. */
const atOnce = 3;

const shown = /^image\/(png|jpeg|gif|webp|avif)$/;

export class Uploads {
  readonly store = createStore<readonly Upload[]>(() => []);
  #rest: Pick<Rest, "upload" | "call">;
  #blobs = new Map<number, { blob: Blob; stop: AbortController }>();
  #waiting: number[] = [];
  #running = 0;
  #lastId = 0;

  constructor(rest: Pick<Rest, "upload" | "call">) {
    this.#rest = rest;
  }

  add(roomId: RoomId, thread: Seq, files: Iterable<File>): void {
    for (const file of files) {
      const id = ++this.#lastId;
      const preview = shown.test(file.type) ? URL.createObjectURL(file) : "";
      const upload: Upload = { id, roomId, thread, name: file.name, size: file.size, preview, progress: 0, failure: "" };
      this.store.setState((all) => [...all, upload], true);
      this.#enqueue(id, file);
    }
  }

  retry(id: number): void {
    const blob = this.#blobs.get(id)?.blob;
    if (!blob) return;
    this.#change(id, { failure: "", progress: 0 });
    this.#enqueue(id, blob);
  }

  /** Stops an upload; what the server has already is deleted there. */
  cancel(id: number): void {
    const upload = this.store.getState().find((u) => u.id === id);
    this.#drop(id);
    // If that fails, the server removes it within a day.
    if (upload?.file) this.#rest.call("DELETE", at`/files/${upload.file.id}`).catch(() => {});
  }

  /** Takes what is uploaded to a room or thread, to send it. What is still under way or has failed stays. */
  take(roomId: RoomId, thread: Seq): { fileUrl: string; type: "image" | "file" }[] {
    const done = this.store
      .getState()
      .flatMap((u) => (u.file && u.roomId === roomId && u.thread === thread ? [{ ...u, file: u.file }] : []));
    for (const { id } of done) this.#drop(id);
    return done.map(({ file }) => ({ fileUrl: `/files/${file.id}`, type: file.isImage ? "image" : "file" }));
  }

  /** Forgets everything: somebody else signs in. */
  clear(): void {
    for (const { id } of this.store.getState()) this.#drop(id);
  }

  #enqueue(id: number, blob: Blob): void {
    this.#blobs.set(id, { blob, stop: new AbortController() });
    this.#waiting.push(id);
    this.#pump();
  }

  #pump(): void {
    while (this.#running < atOnce) {
      const id = this.#waiting.shift();
      if (id === undefined) return;
      this.#running++;
      void this.#run(id).finally(() => {
        this.#running--;
        this.#pump();
      });
    }
  }

  async #run(id: number): Promise<void> {
    const upload = this.store.getState().find((u) => u.id === id);
    const source = this.#blobs.get(id);
    if (!upload || !source) return;
    const { blob, stop } = source;
    try {
      const path = `${at`/chat/rooms/${upload.roomId}/files`}?${new URLSearchParams({ name: upload.name })}`;
      const file = await this.#rest.upload<FileJson>(path, blob, (progress) => this.#change(id, { progress }), stop.signal);
      if (stop.signal.aborted) return;
      this.#change(id, { progress: 1, file: { id: file.id ?? "", isImage: (file.type ?? "").startsWith("image/") } });
    } catch (error) {
      if (!stop.signal.aborted) this.#change(id, { failure: toFault(error).message });
    }
  }

  #change(id: number, to: Partial<Upload>): void {
    this.store.setState((all) => all.map((u) => (u.id === id ? { ...u, ...to } : u)), true);
  }

  #drop(id: number): void {
    this.#blobs.get(id)?.stop.abort();
    this.#blobs.delete(id);
    this.#waiting = this.#waiting.filter((w) => w !== id);
    const gone = this.store.getState().find((u) => u.id === id);
    if (gone?.preview) URL.revokeObjectURL(gone.preview);
    this.store.setState((all) => all.filter((u) => u.id !== id), true);
  }
}
