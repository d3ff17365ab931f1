// How pages of history become windows, and grow them. A page is exact as of a seq; the room may have moved on since, or not be there yet.
import type { Page, RoomEvent, Seq } from "~/protocol/types";
import { maxWindow, type RoomEntry } from "./chat";
import { applyEvent, type Timeline, timelineOf } from "./timeline";

/** Where a page goes: a window of its own (at the end of the room, or somewhere in it), or before or after what is there. */
export type Place = "end" | "middle" | "before" | "after";

/**
 * Puts a page into its room. "ahead": events up to its asOfSeq are still to come, then try again; "stale": what happened since is not
 * known any more, fetch it again.
 */
export function placePage(r: RoomEntry, page: Page, place: Place): RoomEntry | "ahead" | "stale" {
  if (page.asOfSeq > r.seq) return "ahead";
  const missed = since(r, page.asOfSeq);
  if (!missed) return "stale";
  const newer = place === "middle" || place === "before" || (place === "after" && page.more);
  const fresh = { ...missed.reduce(applyEvent, timelineOf(page, newer)), asOf: r.seq };
  const old = r.windows[page.thread];
  const window = old && (place === "before" || place === "after") ? joined(old, fresh, place) : { ...fresh, following: place === "end" };
  return { ...r, windows: { ...r.windows, [page.thread]: window } };
}

/** The events after a seq; undefined when they are not all there any more. */
function since(r: RoomEntry, seq: Seq): readonly RoomEvent[] | undefined {
  if (seq === r.seq) return [];
  const first = r.recent[0]?.seq ?? r.seq + 1;
  return first > seq + 1 ? undefined : r.recent.filter((e) => e.seq > seq);
}

function joined(old: Timeline, fresh: Timeline, place: "before" | "after"): Timeline {
  const [first, last] = [old.messages[0]?.seq ?? Infinity, old.messages.at(-1)?.seq ?? 0];
  const has = new Set(old.notices.map((n) => n.seq));
  const notices = [...old.notices, ...fresh.notices.filter((n) => !has.has(n.seq))].sort((a, b) => a.seq - b.seq);
  if (place === "before") {
    const messages = [...fresh.messages.filter((m) => m.seq < first), ...old.messages];
    return cut({ ...old, messages, notices, older: fresh.older }, "end");
  }
  const messages = [...old.messages, ...fresh.messages.filter((m) => m.seq > last)];
  return cut({ ...old, messages, notices, newer: fresh.newer }, "beginning");
}

/** Keeps a window bounded: it loses what lies at the far side of where it grew. */
function cut(t: Timeline, side: "beginning" | "end"): Timeline {
  if (t.messages.length <= maxWindow) return t;
  if (side === "end") {
    const messages = t.messages.slice(0, maxWindow);
    const last = messages.at(-1)?.seq ?? 0;
    return { ...t, messages, notices: t.notices.filter((n) => n.seq < last), newer: true };
  }
  const messages = t.messages.slice(-maxWindow);
  const first = messages[0]?.seq ?? 0;
  return { ...t, messages, notices: t.notices.filter((n) => n.seq > first), older: true };
}
