import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { Fault } from "~/protocol/fault";
import type { ServerFrame } from "~/protocol/types";
import { FakeServer } from "./fake-server";
import type { Link } from "./link";
import { Socket } from "./socket.client";

let server: FakeServer;
let socket: Socket;
let delivered: ServerFrame[];
let links: Link["status"][];
let tokens: boolean[];
let cursors: { roomId: string; seq: number }[];
const signedOut = vi.fn();

beforeEach(async () => {
  vi.stubGlobal("WebSocket", WebSocket);
  server = await FakeServer.start();
  [delivered, links, tokens, cursors] = [[], [], [], []];
  signedOut.mockReset();
  socket = new Socket({
    url: server.url,
    token: async (fresh) => {
      tokens.push(fresh);
      return `token ${tokens.length}`;
    },
    resume: () => ({ epoch: "e0", rooms: cursors }),
    deliver: (frame) => delivered.push(frame),
    changed: (link) => links.push(link.status),
    signedOut,
    random: () => 0,
  });
  socket.start();
});
afterEach(() => {
  socket.stop();
  server.close();
  vi.unstubAllGlobals();
});

/** Polls until it is so. */
const until = (isSo: () => boolean) => vi.waitFor(() => expect(isSo()).toBe(true), { timeout: 5000, interval: 5 });

test("says hello with its cursors, and is live after the welcome", async () => {
  cursors = [{ roomId: "r1", seq: 41 }];
  const hello = await (await server.peer()).welcome();
  expect(hello).toEqual({ token: "token 1", epoch: "e0", resume: cursors });
  await until(() => socket.link.status === "live");
  expect(links).toEqual(["authorising", "dialing", "greeting", "live"]);
});

test("delivers what answers nothing, in order, also several in one message", async () => {
  const peer = await server.peer();
  await peer.welcome({ more: true });
  peer.say({ welcome: { epoch: "e1", more: false } }, { event: { roomId: "r1", seq: 1 } });
  peer.say({ event: { roomId: "r1", seq: 2 } });
  await until(() => delivered.length === 4);
  expect(delivered.map((frame) => Object.keys(frame)[0])).toEqual(["welcome", "welcome", "event", "event"]);
});

test("answers come to who asked, in any order", async () => {
  const answers = [socket.request({ ping: {} }), socket.request({ fetch: { roomId: "r1" } })];
  const peer = await server.peer();
  await peer.welcome();
  const [first, second] = [await peer.next(), await peer.next()];
  peer.say({ id: second.id ?? 0, page: { roomId: "r1" } }, { id: first.id ?? 0, pong: {} });
  expect(await Promise.all(answers)).toEqual([
    { id: first.id, pong: {} },
    { id: second.id, page: { roomId: "r1" } },
  ]);
});

test("an error of the server fails the request that it answers", async () => {
  const answer = socket.request({ send: { roomId: "r1", content: "", nonce: "n" } });
  const peer = await server.peer();
  await peer.welcome();
  peer.say({ id: (await peer.next()).id ?? 0, error: { code: "invalid_argument", message: "it is empty", field: "content" } });
  const fault = await answer.catch((error: unknown) => error);
  expect(fault).toBeInstanceOf(Fault);
  expect(fault).toMatchObject({ code: "invalid_argument", field: "content", message: "it is empty" });
});

test("what may pass is asked again after the wait that the server wants", async () => {
  const answer = socket.request({ send: { roomId: "r1", content: "hi", nonce: "n" } });
  const peer = await server.peer();
  await peer.welcome();
  const first = await peer.next();
  const told = performance.now();
  peer.say({ id: first.id ?? 0, error: { code: "resource_exhausted", retryAfterMs: 80 } });
  const second = await peer.next();
  expect(second).toEqual(first);
  expect(performance.now() - told).toBeGreaterThanOrEqual(80);
  peer.say({ id: second.id ?? 0, ack: { seq: 7 } });
  expect((await answer).ack?.seq).toBe(7);
});

test("a request without an answer goes over the next connection, as it was", async () => {
  const answer = socket.request({ send: { roomId: "r1", content: "hi", nonce: "n" } });
  const first = await server.peer();
  await first.welcome();
  const sent = await first.next();
  first.ws.terminate();
  const second = await server.peer();
  await second.welcome();
  const again = await second.next();
  expect(again).toEqual(sent);
  second.say({ id: again.id ?? 0, ack: { seq: 7, duplicate: true } });
  expect((await answer).ack?.duplicate).toBe(true);
});

test("a fresh token goes over the open connection; its welcome is nobody's news", async () => {
  const peer = await server.peer();
  await peer.welcome();
  await until(() => delivered.length === 1);
  peer.say({ tokenExpiring: {} });
  expect(await peer.welcome()).toEqual({ token: "token 2", epoch: "", resume: [] });
  peer.say({ event: { roomId: "r1", seq: 1 } });
  await until(() => delivered.some((frame) => frame.event));
  expect(delivered.filter((frame) => frame.welcome)).toHaveLength(1);
  expect(tokens).toEqual([false, true]);
});

test("4101 asks for a fresh token and comes back", async () => {
  const first = await server.peer();
  await first.next();
  first.ws.close(4101, "expired");
  const second = await server.peer();
  expect((await second.welcome()).token).toBe("token 2");
  expect(tokens).toEqual([false, true]);
});

test("4103 ends it for good", async () => {
  const peer = await server.peer();
  await peer.welcome();
  peer.ws.close(4103, "revoked");
  await until(() => signedOut.mock.calls.length === 1);
  expect(socket.link).toMatchObject({ status: "refused", refusal: "signed_out" });
});

test("goAway: a new connection takes over in its slot", async () => {
  const first = await server.peer();
  await first.welcome();
  first.say({ goAway: { reconnectAfterMs: 50 } });
  const second = await server.peer();
  await second.welcome();
  await first.closed;
  await until(() => socket.link.status === "live");
});

test("a connection that is given up is followed by another", async () => {
  const first = await server.peer();
  await first.welcome();
  await until(() => socket.link.status === "live");
  socket.drop();
  await (await server.peer()).welcome();
  await first.closed;
  await until(() => socket.link.status === "live");
});

test("what an old connection still says is not heard", async () => {
  const first = await server.peer();
  await first.welcome();
  socket.stop();
  first.say({ event: { roomId: "r1", seq: 1 } });
  await first.closed;
  expect(delivered.filter((frame) => frame.event)).toEqual([]);
});

test("who asks when there is no connection hears so in the end, and at once when it is stopped", async () => {
  const answer = socket.request({ ping: {} });
  await server.peer();
  socket.stop();
  await expect(answer).rejects.toMatchObject({ code: "unavailable" });
});
