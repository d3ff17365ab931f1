import { expect, test } from "vitest";
import { type DraftStorage, Drafts } from "./drafts.client";

function storage(): DraftStorage & { items: Map<string, string> } {
  const items = new Map<string, string>();
  return {
    items,
    getItem: (name) => items.get(name) ?? null,
    setItem: (name, text) => void items.set(name, text),
    removeItem: (name) => void items.delete(name),
    key: (i) => [...items.keys()][i] ?? null,
    get length() {
      return items.size;
    },
  };
}

test("drafts outlive a reload, each in its room and thread", () => {
  const stored = storage();
  const before = new Drafts(stored);
  before.open("ana");
  before.set("garden", 0, "hello");
  before.set("garden", 7, "in the thread");
  before.set("kitchen", 0, "gone");
  before.set("kitchen", 0, "");
  const after = new Drafts(stored);
  after.open("ana");
  expect(after.store.getState()).toEqual({ "garden/0": "hello", "garden/7": "in the thread" });
});

test("each user has their own", () => {
  const stored = storage();
  const drafts = new Drafts(stored);
  drafts.open("ana");
  drafts.set("garden", 0, "ana's");
  drafts.open("ben");
  expect(drafts.store.getState()).toEqual({});
  drafts.changed("natter-draft/ana/garden/0", "still ana's");
  expect(drafts.store.getState()).toEqual({});
  drafts.open(undefined);
  drafts.changed("natter-draft/ben/garden/0", "nobody's");
  expect(drafts.store.getState()).toEqual({});
});

test("another tab writes", () => {
  const drafts = new Drafts(storage());
  drafts.open("ana");
  drafts.changed("natter-draft/ana/garden/0", "there");
  expect(drafts.store.getState()).toEqual({ "garden/0": "there" });
  drafts.changed("natter-draft/ana/garden/0", null);
  expect(drafts.store.getState()).toEqual({});
});

test("a blank text is no draft, but stays in the field", () => {
  const stored = storage();
  const drafts = new Drafts(stored);
  drafts.open("ana");
  drafts.set("garden", 0, " ");
  expect(drafts.store.getState()).toEqual({ "garden/0": " " });
  expect(stored.items.size).toBe(0);
});

test("a full storage costs nothing but the next reload", () => {
  const full = {
    ...storage(),
    setItem: () => {
      throw new Error("QuotaExceededError");
    },
  };
  const drafts = new Drafts(full);
  drafts.open("ana");
  drafts.set("garden", 0, "hello");
  expect(drafts.store.getState()).toEqual({ "garden/0": "hello" });
});
