// The driver of link.ts: a WebSocket, a timer, and requests that get one answer each.
import { Fault, type FaultCode, mayPass } from "~/protocol/fault";
import type { ClientFrame, RoomId, Seq, ServerFrame } from "~/protocol/types";
import { type Input, type Link, nextTick, noLink, step } from "./link";

export interface SocketDeps {
  url: string;
  /** The access token; fresh: another one than before. Fails with a Fault: unauthenticated means signed out. */
  token(fresh: boolean): Promise<string>;
  /** What the first hello carries. */
  resume(): { epoch: string; rooms: { roomId: RoomId; seq: Seq }[] };
  /** Frames that answer no request, in order. */
  deliver(frame: ServerFrame): void;
  changed(link: Link): void;
  signedOut(): void;
  /** In [0, 1); for tests. */
  random?: () => number;
}

interface Request {
  frame: ClientFrame;
  sent: boolean;
  /** Not before, in milliseconds of the monotonic clock: the server asked to wait. */
  notBefore: number;
  giveUp: ReturnType<typeof setTimeout>;
  /** Why it has not been done so far. */
  fault: Fault;
  resolve(frame: ServerFrame): void;
  reject(fault: Fault): void;
}

/** How long a request may take, reconnecting included. */
const requestLife = 20_000;
/** Bytes of a WebSocket message that the server takes. */
const messageLimit = 32 * 1024;

export class Socket {
  #deps: SocketDeps;
  #link: Link = noLink;
  #ws: WebSocket | undefined;
  #token = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #nextId = 1;
  #requests = new Map<number, Request>();
  /** The welcome of this connection has further pages. */
  #moreWelcome = false;
  #random: () => number;

  constructor(deps: SocketDeps) {
    this.#deps = deps;
    this.#random = deps.random ?? Math.random;
  }

  get link(): Link {
    return this.#link;
  }

  start(): void {
    this.#step({ kind: "start" });
  }

  stop(): void {
    this.#step({ kind: "stop" });
    for (const id of [...this.#requests.keys()]) this.#fail(id, new Fault("unavailable", "the connection was closed"));
  }

  wake(): void {
    this.#step({ kind: "wake" });
  }

  /** Gives this connection up for another one, which resumes. */
  drop(): void {
    this.#hangUp();
    this.#step({ kind: "closed", code: 1006, reason: "" });
  }

  /** Sends what needs no answer, if there is a connection. */
  tell(frame: ClientFrame): void {
    if (this.#link.status === "live") this.#ws?.send(JSON.stringify(frame));
  }

  /**
   * Sends a frame until it has an answer, over as many connections as that takes: every request of the protocol may be repeated. Fails
   * with the server's Fault, or unavailable after 20 s.
   */
  request(frame: ClientFrame): Promise<ServerFrame> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const fault = new Fault("unavailable", "The server cannot be reached.");
      const request: Request = {
        frame: { ...frame, id },
        sent: false,
        notBefore: 0,
        fault,
        resolve,
        reject,
        giveUp: setTimeout(() => this.#fail(id, request.fault), requestLife),
      };
      this.#requests.set(id, request);
      this.#flush();
    });
  }

  #fail(id: number, fault: Fault): void {
    const request = this.#requests.get(id);
    if (!request) return;
    clearTimeout(request.giveUp);
    this.#requests.delete(id);
    request.reject(fault);
  }

  #flush(): void {
    if (this.#link.status !== "live") return;
    let message = "";
    for (const request of this.#requests.values()) {
      if (request.sent || request.notBefore > performance.now()) continue;
      request.sent = true;
      const text = JSON.stringify(request.frame);
      if (message && message.length + text.length > messageLimit / 4) {
        this.#ws?.send(message);
        message = "";
      }
      message += message ? `\n${text}` : text;
    }
    if (message) this.#ws?.send(message);
  }

  #step(input: Input): void {
    const before = this.#link;
    const [link, outputs] = step(before, input, performance.now(), this.#random());
    this.#link = link;
    for (const output of outputs) {
      switch (output.kind) {
        case "askToken":
          this.#askToken(output.fresh);
          break;
        case "dial":
          this.#dial();
          break;
        case "hello":
          this.#hello(output.first);
          break;
        case "ping":
          this.#ws?.send(JSON.stringify({ id: this.#nextId++, ping: {} }));
          break;
        case "hangUp":
          this.#hangUp();
          break;
        case "signedOut":
          this.#deps.signedOut();
          break;
      }
    }
    this.#schedule();
    if (before.status !== this.#link.status) this.#deps.changed(this.#link);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const due = nextTick(this.#link);
    if (due === Infinity) return;
    // A timer may fire a little early; then it is set again.
    this.#timer = setTimeout(() => this.#step({ kind: "tick" }), Math.max(0, due - performance.now()) + 1);
  }

  async #askToken(fresh: boolean): Promise<void> {
    try {
      this.#token = await this.#deps.token(fresh);
      this.#step({ kind: "token" });
    } catch (error) {
      this.#step({ kind: "noToken", signedOut: error instanceof Fault && error.code === "unauthenticated" });
    }
  }

  #dial(): void {
    const ws = new WebSocket(this.#deps.url, ["natter.v1.json"]);
    this.#ws = ws;
    const ours = (act: () => void) => () => {
      if (this.#ws === ws) act();
    };
    ws.onerror = () => {}; // the close that follows says it
    ws.onopen = ours(() => this.#step({ kind: "opened" }));
    ws.onmessage = (message) => ours(() => this.#received(String(message.data)))();
    ws.onclose = (close) =>
      ours(() => {
        this.#ws = undefined;
        this.#lost();
        this.#step({ kind: "closed", code: close.code, reason: close.reason });
      })();
  }

  #hangUp(): void {
    this.#ws?.close();
    this.#ws = undefined;
    this.#lost();
  }

  /** What has no answer yet is sent again on the next connection. */
  #lost(): void {
    for (const request of this.#requests.values()) request.sent = false;
  }

  #hello(first: boolean): void {
    const { epoch, rooms } = first ? this.#deps.resume() : { epoch: "", rooms: [] };
    this.#ws?.send(JSON.stringify({ hello: { token: this.#token, epoch, resume: rooms } } satisfies ClientFrame));
  }

  #received(text: string): void {
    for (const line of text.split("\n")) {
      if (line === "") continue;
      const frame: ServerFrame = JSON.parse(line);
      const wasLive = this.#link.status === "live";
      this.#step({ kind: "frame", frame });
      if (frame.id) this.#answered(frame.id, frame);
      // A welcome that answers a fresh token says nothing new of the rooms.
      else if (!(frame.welcome && wasLive && !this.#moreWelcome)) this.#deps.deliver(frame);
      if (frame.welcome) this.#moreWelcome = frame.welcome.more ?? false;
    }
    this.#flush();
  }

  #answered(id: number, frame: ServerFrame): void {
    const request = this.#requests.get(id);
    if (!request) return;
    const { error } = frame;
    if (error) {
      const fault = new Fault(error.code as FaultCode, error.message ?? "", error.field, error.retryAfterMs);
      if (mayPass(fault.code)) this.#again(request, fault);
      else this.#fail(id, fault);
      return;
    }
    clearTimeout(request.giveUp);
    this.#requests.delete(id);
    request.resolve(frame);
  }

  /** Sends a request once more after a while. */
  #again(request: Request, fault: Fault): void {
    const wait = fault.retryAfterMs || 500 + this.#random() * 1000;
    request.fault = fault;
    request.sent = false;
    request.notBefore = performance.now() + wait;
    setTimeout(() => this.#flush(), wait + 1);
  }
}
