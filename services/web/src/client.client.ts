// The client without its face: who is signed in, the connection, the store, the outbox, and what can be done. Components reach it with
// useClient(); there is one per tab.
import { Auth } from "~/auth/auth.client";
import { Drafts } from "~/drafts/drafts.client";
import { Outbox } from "~/outbox/outbox.client";
import * as decode from "~/protocol/decode";
import { toFault } from "~/protocol/fault";
import { maxReceipts, maxWatched, pageSize } from "~/protocol/limits";
import { newNonce } from "~/protocol/nonce";
import type { ClientFrame, RoomId, Seq, ServerFrame, User, UserId } from "~/protocol/types";
import { Rest } from "~/rest/rest.client";
import { Away } from "~/socket/away.client";
import { Delivered } from "~/socket/delivered.client";
import { noLink } from "~/socket/link";
import { Socket } from "~/socket/socket.client";
import { inRoom, receive, resumeAll } from "~/state/apply";
import { noChat, type RoomEntry } from "~/state/chat";
import { type Place, placePage } from "~/state/pages";
import { newStore, type Toast } from "~/state/store";
import { Uploads } from "~/uploads/uploads.client";

/** Milliseconds between two changes of what is shown: events that come faster are taken together. */
const frameTime = 16;
/** Rooms and threads whose history stays loaded; the one that was opened longest ago goes first. */
const maxOpen = 20;
/** Milliseconds until a page that was too old is fetched again: who answered it is behind. */
const stalePause = 250;
/** How long a toast stays, in milliseconds. */
const toastLife = 6000;

export class Client {
  readonly store = newStore();
  readonly auth = new Auth();
  readonly rest = new Rest(this.auth);
  readonly drafts = new Drafts(deviceStorage());
  readonly uploads = new Uploads(this.rest);
  /** For what needs nobody to be signed in. */
  readonly openRest = new Rest();
  #socket = new Socket({
    url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`,
    token: (fresh) => this.auth.token(fresh),
    resume: () => this.#resume(),
    deliver: (frame) => this.#deliver(frame),
    changed: (link) => {
      this.store.setState({ link });
      if (link.status === "live") this.#connected();
    },
    signedOut: () => this.auth.forget(),
  });
  #delivered = new Delivered((roomId, seq) => this.#socket.tell({ delivered: { roomId, seq } }));
  #away = new Away((away) => this.#socket.tell({ away: { away } }));
  #outbox: Outbox | undefined;
  #frames: ServerFrame[] = [];
  #flushing: ReturnType<typeof setTimeout> | undefined;
  #flushed = 0;
  #applied: (() => void)[] = [];
  #loading = new Map<string, Promise<void>>();
  #opened: { roomId: RoomId; thread: Seq }[] = [];
  #watching = new Map<object, readonly UserId[]>();
  /** What the server was told of it, over the connection that there is. */
  #watched = "";
  #toasts = 0;

  constructor() {
    this.auth.subscribe((user) => this.#userChanged(user));
    for (const change of ["online", "offline"]) addEventListener(change, () => this.#socket.wake());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#socket.wake();
    });
  }

  /** Finds out who is signed in. Fails when the server cannot be reached. */
  async restore(): Promise<User | undefined> {
    const user = await this.auth.restore();
    if (!user) this.store.setState({ session: "out" });
    return user;
  }

  #userChanged(user: User | undefined): void {
    this.drafts.open(user?.id);
    this.uploads.clear();
    this.#socket.stop();
    this.#outbox?.close();
    this.#outbox = undefined;
    this.#delivered.clear();
    this.#watched = "";
    this.#frames = [];
    this.#opened = [];
    this.store.setState({ session: user ? "in" : "out", user, role: this.auth.role, chat: noChat, link: noLink, outbox: [] });
    this.#wakeWaiting();
    if (!user) return;
    this.#outbox = new Outbox({
      userId: user.id,
      changed: (outbox) => this.store.setState({ outbox }),
      send: async ({ roomId, nonce, content, type, fileUrl, replyTo, thread }) => {
        const { ack } = await this.request({ send: { roomId, nonce, content, type, fileUrl, replyTo, thread } });
        return ack?.seq ?? 0;
      },
    });
    this.#socket.start();
  }

  /** What a connection does not remember from the one before. */
  #connected(): void {
    this.#watched = "";
    this.#tellWatched();
    if (this.#away.away) this.#socket.tell({ away: { away: true } });
  }

  /** Tries to connect now: somebody does not want to wait, or was told what to do about it. */
  reconnect(): void {
    this.#socket.start();
    this.#socket.wake();
  }

  /** A request of the protocol. Fails with a Fault. Requests that change something carry a nonce, so that none happens twice. */
  request(frame: ClientFrame): Promise<ServerFrame> {
    return this.#socket.request(frame);
  }

  // ── What the server says ──

  #resume() {
    this.#flush();
    const [chat, rooms] = resumeAll(this.store.getState().chat);
    this.store.setState({ chat });
    return { epoch: chat.epoch, rooms };
  }

  #deliver(frame: ServerFrame): void {
    this.#frames.push(frame);
    if (this.#flushing) return;
    const wait = Math.max(0, this.#flushed + frameTime - performance.now());
    this.#flushing = setTimeout(() => this.#flush(), wait);
  }

  #flush(): void {
    clearTimeout(this.#flushing);
    this.#flushing = undefined;
    this.#flushed = performance.now();
    const frames = this.#frames;
    this.#frames = [];
    let { chat } = this.store.getState();
    const nonces: string[] = [];
    for (const frame of frames) {
      const [next, effects] = receive(chat, frame, performance.now());
      chat = next;
      for (const { roomId, seq } of effects) void this.request({ resume: { rooms: [{ roomId, seq }] } }).catch(() => this.#socket.drop());
      const { event } = frame;
      if (event?.message && event.actor?.userId !== chat.me?.id) this.#received(chat.rooms[event.roomId ?? ""]);
      else if (event?.nonce) nonces.push(event.nonce);
    }
    if (frames.length > 0) this.store.setState({ chat });
    if (nonces.length > 0) this.#outbox?.arrived(nonces);
    this.#wakeWaiting();
  }

  /** Senders see who has what they said, where the server tells them. */
  #received(entry: RoomEntry | undefined): void {
    if (entry && entry.room.memberCount <= maxReceipts) this.#delivered.note(entry.room.id, entry.seq);
  }

  /** Who waits for events looks again. */
  #wakeWaiting(): void {
    for (const wake of this.#applied.splice(0)) wake();
  }

  // ── History ──

  /** Loads the newest messages of a room or a thread, unless something of it is loaded. */
  open(roomId: RoomId, thread: Seq = 0): Promise<void> {
    this.#remember(roomId, thread);
    if (this.store.getState().chat.rooms[roomId]?.windows[thread]) return Promise.resolve();
    return this.#load(roomId, thread, "end", {});
  }

  /** Loads the end of a room, whatever part of it was loaded. */
  openEnd(roomId: RoomId, thread: Seq = 0): Promise<void> {
    return this.#load(roomId, thread, "end", {});
  }

  /** Loads what stands around a message: for links, search, and the first unread one. */
  openAround(roomId: RoomId, seq: Seq, thread: Seq = 0): Promise<void> {
    this.#remember(roomId, thread);
    return this.#load(roomId, thread, "middle", { beforeSeq: seq + Math.floor(pageSize / 2) });
  }

  loadOlder(roomId: RoomId, thread: Seq = 0): Promise<void> {
    const window = this.store.getState().chat.rooms[roomId]?.windows[thread];
    const first = window?.messages[0];
    return window?.older && first ? this.#load(roomId, thread, "before", { beforeSeq: first.seq }) : Promise.resolve();
  }

  loadNewer(roomId: RoomId, thread: Seq = 0): Promise<void> {
    const window = this.store.getState().chat.rooms[roomId]?.windows[thread];
    const last = window?.messages.at(-1);
    return window?.newer && last ? this.#load(roomId, thread, "after", { afterSeq: last.seq }) : Promise.resolve();
  }

  /** Whether the reader of a window is at its end: then it may forget what is far above. */
  follow(roomId: RoomId, thread: Seq, following: boolean): void {
    this.#changeChat((chat) =>
      inRoom(chat, roomId, (r) => {
        const window = r.windows[thread];
        return !window || window.following === following ? r : { ...r, windows: { ...r.windows, [thread]: { ...window, following } } };
      }),
    );
  }

  /** One load per window at a time; who asks meanwhile gets the one under way. */
  #load(roomId: RoomId, thread: Seq, place: Place, range: { beforeSeq?: Seq; afterSeq?: Seq }): Promise<void> {
    const key = `${roomId}/${thread}`;
    const underWay = this.#loading.get(key);
    if (underWay) return underWay;
    const loading = this.#fetch(roomId, thread, place, range).finally(() => this.#loading.delete(key));
    this.#loading.set(key, loading);
    return loading;
  }

  async #fetch(roomId: RoomId, thread: Seq, place: Place, range: { beforeSeq?: Seq; afterSeq?: Seq }): Promise<void> {
    for (;;) {
      const { page } = await this.request({ fetch: { roomId, thread, limit: pageSize, ...range } });
      if (!page) return;
      let placed: ReturnType<typeof placePage>;
      do {
        this.#flush();
        const entry = this.store.getState().chat.rooms[roomId];
        if (!entry) return;
        placed = placePage(entry, decode.page(page), place);
        if (placed === "ahead") await new Promise<void>((resolve) => this.#applied.push(resolve));
      } while (placed === "ahead");
      if (placed === "stale") {
        await new Promise((resolve) => setTimeout(resolve, stalePause));
        continue;
      }
      const entry = placed;
      this.#changeChat((chat) => inRoom(chat, roomId, () => entry));
      const { user } = this.store.getState();
      this.#outbox?.arrived((page.messages ?? []).filter((m) => m.userId === user?.id).map((m) => m.nonce ?? ""));
      return;
    }
  }

  #remember(roomId: RoomId, thread: Seq): void {
    this.#opened = [...this.#opened.filter((o) => o.roomId !== roomId || o.thread !== thread), { roomId, thread }];
    for (const old of this.#opened.splice(0, this.#opened.length - maxOpen)) {
      this.#changeChat((chat) =>
        inRoom(chat, old.roomId, (r) => {
          const { [old.thread]: _, ...windows } = r.windows;
          return { ...r, windows };
        }),
      );
    }
  }

  #changeChat(change: (chat: ReturnType<typeof this.store.getState>["chat"]) => typeof chat): void {
    const { chat } = this.store.getState();
    const next = change(chat);
    if (next !== chat) this.store.setState({ chat: next });
  }

  // ── What people do ──

  send(draft: Parameters<Outbox["add"]>[0]): Promise<void> {
    return this.#outbox?.add(draft) ?? Promise.resolve();
  }

  retry(nonce: string): void {
    void this.#outbox?.retry(nonce);
  }

  discard(nonce: string): void {
    void this.#outbox?.discard(nonce);
  }

  async edit(roomId: RoomId, seq: Seq, content: string): Promise<void> {
    await this.request({ edit: { roomId, seq, content, nonce: newNonce() } });
  }

  async delete(roomId: RoomId, seq: Seq): Promise<void> {
    await this.request({ delete: { roomId, seq, nonce: newNonce() } });
  }

  async react(roomId: RoomId, seq: Seq, emoji: string, remove = false): Promise<void> {
    await this.request({ react: { roomId, seq, emoji, remove, nonce: newNonce() } });
  }

  async pin(roomId: RoomId, seq: Seq, remove = false): Promise<void> {
    await this.request({ pin: { roomId, seq, remove, nonce: newNonce() } });
  }

  /** Moves the read marker up to seq; it is shown at once. */
  markRead(roomId: RoomId, seq: Seq): void {
    const entry = this.store.getState().chat.rooms[roomId];
    if (!entry || (seq <= entry.marker.readSeq && entry.marker.unread === 0)) return;
    const { rev } = entry.marker;
    if (seq >= entry.seq) {
      this.#changeChat((chat) => inRoom(chat, roomId, (r) => ({ ...r, marker: { ...r.marker, readSeq: seq, unread: 0, mentions: 0 } })));
    }
    // Lost, it is sent with the next one.
    this.request({ read: { roomId, seq, rev } }).catch(() => {});
  }

  async markUnread(roomId: RoomId, seq: Seq): Promise<void> {
    await this.request({ unread: { roomId, seq } });
  }

  typing(roomId: RoomId, active: boolean): void {
    this.#socket.tell({ typing: { roomId, active } });
  }

  /** Wants to be told of the presence of people, until the function that it returns is called; 200 at a time, of all that is wanted. */
  watch(userIds: readonly UserId[]): () => void {
    const wish = {};
    this.#watching.set(wish, userIds);
    this.#tellWatched();
    return () => {
      this.#watching.delete(wish);
      this.#tellWatched();
    };
  }

  /** Says whom this tab watches, if the server does not know it. Those wanted last go before others. */
  #tellWatched(): void {
    if (this.store.getState().link.status !== "live") return;
    const userIds = [...new Set([...this.#watching.values()].reverse().flat())].slice(0, maxWatched).sort();
    const watched = userIds.join(" ");
    if (watched === this.#watched) return;
    this.#watched = watched;
    this.request({ watch: { userIds } }).catch(() => {});
  }

  toast(text: string, kind: Toast["kind"] = "info"): void {
    const id = ++this.#toasts;
    this.store.setState((s) => ({ toasts: [...s.toasts.slice(-2), { id, kind, text }] }));
    setTimeout(() => this.dismiss(id), toastLife);
  }

  /** Says that something did not work. */
  fail(error: unknown): void {
    this.toast(toFault(error).message, "error");
  }

  dismiss(id: number): void {
    this.store.setState((s) => ({ toasts: s.toasts.filter((t) => t.id !== id) }));
  }
}

/** localStorage, where the browser allows it. */
function deviceStorage(): Storage | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}
