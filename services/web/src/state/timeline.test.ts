import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { event, page, userRef } from "~/protocol/decode";
import type { EventJson, Message, Page, PageJson } from "~/protocol/types";
import { applyEvent, rename, type Timeline, timelineOf } from "./timeline";

interface Vectors {
  about: string;
  log: EventJson[];
  pages: PageJson[];
  resumed?: EventJson[];
  profiles?: { afterSeq: number; user: object }[];
}

const folder = new URL("../../../../proto/testdata/folding/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".json"));

/** A timeline as a page, to compare as JSON: fields without a value are left out. */
const asPage = (t: Timeline): unknown =>
  JSON.parse(
    JSON.stringify({
      roomId: t.roomId,
      thread: t.thread,
      asOfSeq: t.asOf,
      more: t.older,
      messages: t.messages.toReversed(),
      notices: t.notices.toReversed(),
    }),
  );
/** The later page as a client can know it: what came after `from` quotes only messages that the client has. */
const asKnown = (to: Page, from: Page): unknown => {
  const has = new Set([...from.messages, ...to.messages].map((m) => m.seq));
  const known = (m: Message) => m.seq <= from.asOfSeq || !m.quote || has.has(m.quote.seq);
  return JSON.parse(JSON.stringify({ ...to, messages: to.messages.map((m) => (known(m) ? m : { ...m, quote: undefined })) }));
};

const run = (v: Vectors, from: Page, to: Page, log: EventJson[]): Timeline => {
  let t = timelineOf(from);
  for (const e of log.map(event)) {
    if (e.seq > to.asOfSeq) break;
    t = applyEvent(t, e);
    for (const p of v.profiles ?? []) if (p.afterSeq === e.seq && e.seq >= from.asOfSeq) t = rename(t, userRef(p.user));
  }
  return t;
};

test("there are vectors", () => expect(files.length).toBeGreaterThan(5));

describe.each(files)("%s: page + events = later page", (name) => {
  const v: Vectors = JSON.parse(readFileSync(new URL(name, folder), "utf8"));
  const pages = v.pages.map(page);
  const pairs = pages.flatMap((from, i) =>
    pages
      .slice(i + 1)
      .filter((to) => to.thread === from.thread)
      .map((to) => ({ from, to })),
  );

  test.each(pairs.map((pair) => [`${pair.from.thread}: ${pair.from.asOfSeq} to ${pair.to.asOfSeq}`, pair] as const))(
    "%s",
    (_, { from, to }) => {
      expect(asPage(run(v, from, to, v.log))).toEqual(asKnown(to, from));
    },
  );

  test("resumed", () => {
    const [from] = pages;
    const to = pages.findLast((p) => p.thread === from?.thread);
    if (!v.resumed || !from || !to) return;
    expect(asPage(run(v, from, to, v.resumed))).toEqual(asKnown(to, from));
  });
});
