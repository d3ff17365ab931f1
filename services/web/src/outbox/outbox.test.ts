import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Fault } from "~/protocol/fault";
import type { Seq } from "~/protocol/types";
import { Outbox, type OutboxItem } from "./outbox.client";
import { inMemory, openStorage, type Storage, type Unsent } from "./storage.client";

/** A tab, and a server that answers when the test says so. */
class Tab {
  items: OutboxItem[] = [];
  /** What is being sent now. */
  sending: { item: Unsent; ack(seq: Seq): void; fail(fault: Fault): void }[] = [];
  readonly outbox: Outbox;
  constructor(storage: Promise<Storage>, userId = "u1") {
    this.outbox = new Outbox({
      userId,
      storage,
      changed: (items) => {
        this.items = items;
      },
      send: (item) => new Promise((ack, fail) => this.sending.push({ item, ack, fail })),
    });
    tabs.push(this);
  }
  states = () => this.items.map((item) => `${item.content}: ${item.state}`);
  /** The next thing that is sent. */
  async next() {
    await vi.waitFor(() => expect(this.sending.length).toBeGreaterThan(0));
    const request = this.sending.shift();
    if (!request) throw new Error("nothing is sent");
    return request;
  }
}

// Without Web Locks, the tabs of one process take turns all the same.
vi.stubGlobal("navigator", {});

let tabs: Tab[] = [];
beforeEach(() => {
  vi.stubGlobal("indexedDB", new IDBFactory());
});
afterEach(() => {
  for (const tab of tabs) tab.outbox.close();
  tabs = [];
});

const shows = (tab: Tab, ...states: string[]) => vi.waitFor(() => expect(tab.states()).toEqual(states));

test("a message is shown at once, sent, and gone when it has arrived", async () => {
  const tab = new Tab(openStorage());
  const added = tab.outbox.add({ roomId: "r1", content: "hi" });
  expect(tab.states()).toEqual(["hi: pending"]);
  const { item, ack } = await tab.next();
  await added;
  ack(7);
  await shows(tab, "hi: sent");
  expect(tab.items[0]?.seq).toBe(7);
  tab.outbox.arrived([item.nonce]);
  expect(tab.items).toEqual([]);
});

test("an event that comes before the acknowledgement does not bring the message back", async () => {
  const tab = new Tab(openStorage());
  await tab.outbox.add({ roomId: "r1", content: "hi" });
  const { item, ack } = await tab.next();
  tab.outbox.arrived([item.nonce]);
  await tab.outbox.add({ roomId: "r2", content: "there" });
  expect(tab.states()).toEqual(["there: pending"]);
  ack(7);
  await tab.next();
  expect(tab.states()).toEqual(["there: pending"]);
});

test("messages of a room go one after the other, in order; rooms do not wait for each other", async () => {
  const tab = new Tab(openStorage());
  for (const [roomId, content] of [
    ["r1", "one"],
    ["r1", "two"],
    ["r2", "three"],
  ] as const)
    await tab.outbox.add({ roomId, content });
  const [one, three] = [await tab.next(), await tab.next()];
  expect([one.item.content, three.item.content]).toEqual(["one", "three"]);
  expect(tab.sending).toEqual([]);
  one.ack(1);
  expect((await tab.next()).item.content).toBe("two");
});

test("without an outcome it is sent again, with the same nonce", async () => {
  const tab = new Tab(openStorage());
  await tab.outbox.add({ roomId: "r1", content: "hi" });
  const first = await tab.next();
  first.fail(new Fault("unavailable", "nobody is there"));
  const second = await tab.next();
  expect(second.item.nonce).toBe(first.item.nonce);
  expect(tab.states()).toEqual(["hi: pending"]);
});

test.each(["permission_denied", "internal"] as const)(
  "what fails with %s stays, holds up nothing, and can be tried again",
  async (code) => {
    const tab = new Tab(openStorage());
    await tab.outbox.add({ roomId: "r1", content: "no" });
    await tab.outbox.add({ roomId: "r1", content: "yes" });
    const refused = await tab.next();
    refused.fail(new Fault(code, "you may not"));
    (await tab.next()).ack(5);
    await shows(tab, "yes: sent", "no: failed");
    expect(tab.items[1]?.failure).toBe("you may not");
    await tab.outbox.retry(refused.item.nonce);
    const again = await tab.next();
    expect(again.item.nonce).toBe(refused.item.nonce);
    again.fail(new Fault(code, "still not"));
    await shows(tab, "yes: sent", "no: failed");
    await tab.outbox.discard(refused.item.nonce);
    await shows(tab, "yes: sent");
  },
);

test("what was not acknowledged is sent after a reload, once", async () => {
  const storage = openStorage();
  const before = new Tab(storage);
  await before.outbox.add({ roomId: "r1", content: "one" });
  await before.outbox.add({ roomId: "r1", content: "two" });
  const { item, ack } = await before.next();
  before.outbox.close();
  const after = new Tab(storage);
  const again = await after.next();
  expect(again.item).toEqual(item);
  ack(1); // too late: the tab is gone
  again.ack(1);
  expect((await after.next()).item.content).toBe("two");
});

test("what has arrived is not sent after a reload, and not kept", async () => {
  const storage = openStorage();
  const before = new Tab(storage);
  await before.outbox.add({ roomId: "r1", content: "one" });
  const { item } = await before.next();
  before.outbox.close();
  const after = new Tab(storage);
  after.outbox.arrived([item.nonce]);
  await vi.waitFor(async () => expect(await (await storage).all("u1")).toEqual([]));
  expect(after.sending).toEqual([]);
});

test("one tab sends for all; the next one takes over when it is closed", async () => {
  const storage = openStorage();
  const first = new Tab(storage);
  await first.outbox.add({ roomId: "r1", content: "one" });
  const one = await first.next();
  const second = new Tab(storage);
  await second.outbox.add({ roomId: "r1", content: "two" });
  await shows(first, "one: pending", "two: pending");
  expect(second.sending).toEqual([]);
  one.ack(1);
  await shows(second, "one: sent", "two: pending");
  expect((await first.next()).item.content).toBe("two");
  first.outbox.close();
  expect((await second.next()).item.content).toBe("two");
});

test("the messages of another user are not theirs", async () => {
  const storage = openStorage();
  await new Tab(storage, "u1").outbox.add({ roomId: "r1", content: "mine" });
  const other = new Tab(storage, "u2");
  await other.outbox.add({ roomId: "r1", content: "theirs" });
  expect(other.states()).toEqual(["theirs: pending"]);
});

test("a storage that is full does not keep a message from being sent", async () => {
  const full: Storage = { ...inMemory(), put: () => Promise.reject(new DOMException("full", "QuotaExceededError")) };
  const tab = new Tab(Promise.resolve(full));
  await tab.outbox.add({ roomId: "r1", content: "hi" });
  (await tab.next()).ack(3);
  await shows(tab, "hi: sent");
});
