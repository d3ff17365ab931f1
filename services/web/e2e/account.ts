// People without a browser: what a test needs to be there before it looks.
import { WebSocket } from "ws";
import { password } from "./browser";

export class Account {
  private constructor(
    readonly url: string,
    readonly name: string,
    readonly id: string,
    readonly token: string,
  ) {}

  static async register(url: string, name: string): Promise<Account> {
    const { access_token, user } = await call(url, "POST", "/auth/register", { email: `${name}@example.org`, username: name, password });
    return new Account(url, name, user.id, access_token);
  }

  /** Somebody who has registered, in a browser say. */
  static async signIn(url: string, name: string): Promise<Account> {
    const { access_token, user } = await call(url, "POST", "/auth/login", { email: `${name}@example.org`, password });
    return new Account(url, name, user.id, access_token);
  }

  /** A request to the HTTP API; throws what it says is wrong. */
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what it asks for
  call(method: string, path: string, body?: unknown): Promise<any> {
    return call(this.url, method, path, body, this.token);
  }

  /** Sends frames over a connection of its own, and waits until each was answered. */
  async request(...frames: object[]): Promise<void> {
    const socket = new WebSocket(`${this.url.replace("http", "ws")}/ws`);
    try {
      await new Promise<void>((resolve, reject) => {
        let left = frames.length;
        const send = (frame: object) => socket.send(JSON.stringify(frame));
        socket.on("error", reject);
        socket.on("open", () => send({ hello: { token: this.token } }));
        socket.on("message", (data) => {
          for (const line of data.toString().split("\n")) {
            const { id, welcome, error } = JSON.parse(line);
            if (error) reject(new Error(JSON.stringify(error)));
            else if (welcome && !welcome.more) frames.forEach((frame, i) => void send({ id: i + 1, ...frame }));
            else if (id && --left === 0) resolve();
          }
        });
      });
    } finally {
      socket.close();
    }
  }

  /** Creates a room with these people in it; returns its id. */
  async createRoom(name: string, ...others: Account[]): Promise<string> {
    const { id } = await this.call("POST", "/chat/rooms", { name });
    for (const { id: userId } of others) await this.call("POST", `/chat/rooms/${id}/members`, { userId });
    return id;
  }

  /** Says something, whatever gateway goes away meanwhile; returns its seq. `more` is further fields: replyTo, thread, … */
  async say(roomId: string, content: string, more: object = {}): Promise<number> {
    const message = { content, nonce: crypto.randomUUID(), ...more };
    for (let attempt = 1; ; attempt++) {
      try {
        return (await this.call("POST", `/chat/rooms/${roomId}/messages`, message)).seq;
      } catch (error) {
        // fetch fails so when a connection that it kept is gone.
        if (!(error instanceof TypeError) || attempt === 5) throw error;
      }
    }
  }
}

// biome-ignore lint/suspicious/noExplicitAny: see Account.call
async function call(url: string, method: string, path: string, body?: unknown, token?: string): Promise<any> {
  const response = await fetch(url + path, {
    method,
    headers: { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === "" ? undefined : JSON.parse(text);
}
