// A server that a test writes the lines of: it accepts connections and does nothing by itself.
import { type WebSocket, WebSocketServer } from "ws";
import type { ClientFrame, ServerFrame } from "~/protocol/types";

/** One connection, as the server sees it. */
export class Peer {
  #frames: ClientFrame[] = [];
  #waiting: ((frame: ClientFrame) => void)[] = [];
  readonly closed: Promise<void>;

  constructor(readonly ws: WebSocket) {
    ws.on("message", (data) => {
      for (const line of String(data).split("\n")) {
        const frame: ClientFrame = JSON.parse(line);
        const next = this.#waiting.shift();
        if (next) next(frame);
        else this.#frames.push(frame);
      }
    });
    this.closed = new Promise((resolve) => ws.on("close", () => resolve()));
  }

  /** The next frame of the client. */
  next(): Promise<ClientFrame> {
    const frame = this.#frames.shift();
    return frame ? Promise.resolve(frame) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Sends frames in one message. */
  say(...frames: ServerFrame[]): void {
    this.ws.send(frames.map((frame) => JSON.stringify(frame)).join("\n"));
  }

  /** Takes the hello and welcomes; returns the hello. */
  async welcome(welcome: NonNullable<ServerFrame["welcome"]> = {}): Promise<NonNullable<ClientFrame["hello"]>> {
    const { hello } = await this.next();
    if (!hello) throw new Error("the first frame is no hello");
    this.say({ welcome: { epoch: "e1", pingSeconds: 25, ...welcome } });
    return hello;
  }
}

export class FakeServer {
  #peers: Peer[] = [];
  #waiting: ((peer: Peer) => void)[] = [];
  private constructor(
    readonly server: WebSocketServer,
    readonly url: string,
  ) {
    server.on("connection", (ws) => {
      const peer = new Peer(ws);
      const next = this.#waiting.shift();
      if (next) next(peer);
      else this.#peers.push(peer);
    });
  }

  static async start(): Promise<FakeServer> {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => "natter.v1.json" });
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    if (typeof address === "string" || !address) throw new Error("no port");
    return new FakeServer(server, `ws://127.0.0.1:${address.port}`);
  }

  /** The next connection. */
  peer(): Promise<Peer> {
    const peer = this.#peers.shift();
    return peer ? Promise.resolve(peer) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  close(): void {
    for (const ws of this.server.clients) ws.terminate();
    this.server.close();
  }
}
