// Messages on their way. They are stored before they are sent and until the server has acknowledged them; one tab sends at a time (Web
// Locks), a room's messages in order. A tab that dies hands over to another; what was sent twice has one nonce, and is one message.
import { mayPass, toFault } from "~/protocol/fault";
import type { RoomId, Seq, UserId } from "~/protocol/types";
import { openStorage, type Storage, type Unsent } from "./storage.client";

/** As shown: `sent` is stored by the server, but its event is not here yet. */
export interface OutboxItem extends Unsent {
  state: "pending" | "sent" | "failed";
  /** Of a sent one. */
  seq: Seq;
}

export type Draft = Pick<Unsent, "roomId" | "content"> & Partial<Pick<Unsent, "type" | "fileUrl" | "replyTo" | "thread">>;

export interface OutboxDeps {
  userId: UserId;
  /** Sends a message and returns its seq. Fails with a Fault. */
  send(item: Unsent): Promise<Seq>;
  changed(items: OutboxItem[]): void;
  storage?: Promise<Storage>;
}

type TabMessage = { kind: "changed" } | { kind: "sent"; nonce: string; seq: Seq };

export class Outbox {
  #deps: OutboxDeps;
  #storage: Promise<Storage>;
  #tabs: BroadcastChannel;
  #items: OutboxItem[] = [];
  #sending = new Set<RoomId>();
  #isSender = false;
  #closed = new AbortController();

  constructor(deps: OutboxDeps) {
    this.#deps = deps;
    this.#storage = deps.storage ?? openStorage();
    this.#tabs = new BroadcastChannel(`natter-outbox-${deps.userId}`);
    this.#tabs.onmessage = ({ data }: MessageEvent<TabMessage>) => {
      if (data.kind === "sent") this.#sent(data.nonce, data.seq);
      else void this.#load();
    };
    void this.#load();
    void this.#becomeSender();
  }

  /** Stores a message and sends it as soon as that is possible. */
  async add(draft: Draft): Promise<void> {
    const item: Unsent = {
      nonce: crypto.randomUUID(),
      userId: this.#deps.userId,
      type: "text",
      fileUrl: "",
      replyTo: 0,
      thread: 0,
      failure: "",
      createdAt: Math.max(Date.now(), (this.#items.at(-1)?.createdAt ?? 0) + 1),
      ...draft,
    };
    this.#set([...this.#items, shown(item)]);
    await this.#write((storage) => storage.put(item));
  }

  async retry(nonce: string): Promise<void> {
    const item = this.#items.find((i) => i.nonce === nonce);
    if (item?.state === "failed") await this.#write((storage) => storage.put(unsent(item, "")));
  }

  /** Forgets a message that failed. */
  async discard(nonce: string): Promise<void> {
    await this.#write((storage) => storage.delete(nonce));
  }

  /** These messages have arrived as events: they need not be shown any more. */
  arrived(nonces: ReadonlySet<string>): void {
    if (this.#items.some((item) => nonces.has(item.nonce))) this.#set(this.#items.filter((item) => !nonces.has(item.nonce)));
  }

  close(): void {
    this.#closed.abort();
    this.#tabs.close();
  }

  async #write(act: (storage: Storage) => Promise<void>): Promise<void> {
    await act(await this.#storage);
    this.#tell({ kind: "changed" });
    await this.#load();
  }

  #tell(message: TabMessage): void {
    if (!this.#closed.signal.aborted) this.#tabs.postMessage(message);
  }

  async #load(): Promise<void> {
    const stored = await (await this.#storage).all(this.#deps.userId);
    if (this.#closed.signal.aborted) return;
    const has = new Set(stored.map((item) => item.nonce));
    this.#set([...this.#items.filter((item) => item.state === "sent" && !has.has(item.nonce)), ...stored.map(shown)]);
    this.#pump();
  }

  #set(items: OutboxItem[]): void {
    this.#items = items;
    this.#deps.changed(items);
  }

  async #becomeSender(): Promise<void> {
    const { signal } = this.#closed;
    try {
      await navigator.locks.request(`natter-outbox-${this.#deps.userId}`, { signal }, async () => {
        this.#isSender = true;
        this.#pump();
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        this.#isSender = false;
      });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Sends the first message of every room that has one and is not sending. */
  #pump(): void {
    if (!this.#isSender) return;
    for (const item of this.#items) {
      if (item.state !== "pending" || this.#sending.has(item.roomId)) continue;
      this.#sending.add(item.roomId);
      void this.#send(item);
    }
  }

  async #send(item: Unsent): Promise<void> {
    const storage = await this.#storage;
    try {
      const seq = await this.#deps.send(item);
      await storage.delete(item.nonce);
      this.#sent(item.nonce, seq);
      this.#tell({ kind: "sent", nonce: item.nonce, seq });
    } catch (error) {
      const fault = toFault(error);
      // Without an outcome it stays as it is, and is sent again.
      if (!mayPass(fault.code)) {
        await storage.put(unsent(item, fault.message));
        this.#tell({ kind: "changed" });
      }
    }
    this.#sending.delete(item.roomId);
    if (!this.#closed.signal.aborted) await this.#load();
  }

  #sent(nonce: string, seq: Seq): void {
    this.#set(this.#items.map((item) => (item.nonce === nonce ? { ...item, state: "sent", seq } : item)));
  }
}

const shown = (item: Unsent): OutboxItem => ({ ...item, seq: 0, state: item.failure === "" ? "pending" : "failed" });

const unsent = (item: Unsent, failure: string): Unsent => {
  const { nonce, userId, roomId, content, type, fileUrl, replyTo, thread, createdAt } = item;
  return { nonce, userId, roomId, content, type, fileUrl, replyTo, thread, createdAt, failure };
};
