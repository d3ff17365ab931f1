// Messages on their way. They are stored before they are sent and until the server has acknowledged them; one tab sends at a time, a
// room's messages in order. A tab that dies hands over to another; what was sent twice has one nonce, and is one message.
import { mayPass, toFault } from "~/protocol/fault";
import { newNonce } from "~/protocol/nonce";
import type { RoomId, Seq, UserId } from "~/protocol/types";
import { exclusive } from "~/tabs/exclusive.client";
import { openStorage, type Storage, type Unsent } from "./storage.client";

/** As shown: `sent` is stored by the server, as this seq; its event may not be here yet. */
export interface OutboxItem extends Unsent {
  state: "pending" | "sent" | "failed";
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

/** Nonces of messages that have arrived which are remembered, because the acknowledgement may come after the event. */
const maxArrived = 1000;

export class Outbox {
  #deps: OutboxDeps;
  #storage: Promise<Storage>;
  #tabs: BroadcastChannel;
  #items: OutboxItem[] = [];
  /** Added here, and not yet in the storage. */
  #unwritten = new Map<string, Unsent>();
  #arrived = new Set<string>();
  /** Acknowledged; the storage may still have them. */
  #done = new Set<string>();
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

  /** Shows a message, stores it, and sends it as soon as that is possible. */
  async add(draft: Draft): Promise<void> {
    const item: Unsent = {
      nonce: newNonce(),
      userId: this.#deps.userId,
      type: "text",
      fileUrl: "",
      replyTo: 0,
      thread: 0,
      failure: "",
      createdAt: Math.max(Date.now(), (this.#items.at(-1)?.createdAt ?? 0) + 1),
      ...draft,
    };
    this.#unwritten.set(item.nonce, item);
    this.#set([...this.#items, shown(item)]);
    try {
      await (await this.#storage).put(item);
      this.#unwritten.delete(item.nonce);
    } catch {
      // Without room for it on this device, it is sent all the same, unless the tab is closed before.
    }
    this.#tell({ kind: "changed" });
    await this.#load();
  }

  /** Sends a message that failed once more. */
  async retry(nonce: string): Promise<void> {
    const item = this.#items.find((i) => i.nonce === nonce);
    if (item?.state === "failed") await this.#write((storage) => storage.put(unsent(item, "")));
  }

  /** Forgets a message that failed. */
  async discard(nonce: string): Promise<void> {
    this.#unwritten.delete(nonce);
    await this.#write((storage) => storage.delete(nonce));
  }

  /** Messages of this user with these nonces are there, as events or in a page: they need not be shown as unsent. */
  arrived(nonces: Iterable<string>): void {
    for (const nonce of nonces) this.#arrived.add(nonce);
    for (const old of [...this.#arrived].slice(0, -maxArrived)) this.#arrived.delete(old);
    if (this.#items.some((item) => this.#arrived.has(item.nonce))) this.#set(this.#items);
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
    const storage = await this.#storage;
    const all = await storage.all(this.#deps.userId);
    if (this.#closed.signal.aborted) return;
    const stored = all.filter((item) => !this.#done.has(item.nonce) && !this.#arrived.has(item.nonce));
    // The server has them: before a reload, the acknowledgement was lost.
    for (const { nonce } of all) if (this.#arrived.has(nonce)) void storage.delete(nonce).catch(() => {});
    const has = new Set(stored.map((item) => item.nonce));
    const others = [...this.#unwritten.values()].filter((item) => !has.has(item.nonce));
    const sent = this.#items.filter((item) => item.state === "sent" && !has.has(item.nonce) && !this.#unwritten.has(item.nonce));
    this.#set([...sent, ...[...stored, ...others].map(shown)]);
    this.#pump();
  }

  #set(items: OutboxItem[]): void {
    this.#items = items.filter((item) => !this.#arrived.has(item.nonce));
    this.#deps.changed(this.#items);
  }

  async #becomeSender(): Promise<void> {
    const { signal } = this.#closed;
    const untilClosed = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    try {
      await exclusive(
        `natter-outbox-${this.#deps.userId}`,
        async () => {
          this.#isSender = true;
          await this.#load();
          await untilClosed;
          this.#isSender = false;
        },
        signal,
      );
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Sends the first message of every room that has one and is not sending. */
  #pump(): void {
    if (!this.#isSender || this.#closed.signal.aborted) return;
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
      this.#unwritten.delete(item.nonce);
      this.#done.add(item.nonce);
      this.#sent(item.nonce, seq);
      this.#tell({ kind: "sent", nonce: item.nonce, seq });
      await storage.delete(item.nonce).catch(() => {}); // then it is sent once more after a reload, which changes nothing
    } catch (error) {
      const fault = toFault(error);
      // Without an outcome it stays as it is, and is sent again. A bug of the server would hold up what follows for ever.
      if (!mayPass(fault.code) || fault.code === "internal") {
        await storage.put(unsent(item, fault.message)).catch(() => {});
        this.#unwritten.delete(item.nonce);
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

const unsent = ({ state: _, seq: __, ...item }: Unsent & Partial<OutboxItem>, failure: string): Unsent => ({ ...item, failure });
