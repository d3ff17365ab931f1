// The lines of a timeline: messages, notices and what is still on its way, in the order in which they are shown, and what stands with them:
// the day that begins, the line above the first unread message, who says it.
import type { OutboxItem } from "~/outbox/outbox.client";
import type { Message, Notice, Seq, Timestamp, UserId } from "~/protocol/types";
import type { Timeline } from "~/state/timeline";
import { dayOf } from "./dates";

/** Milliseconds within which the messages of one person stand under one name. */
const together = 5 * 60_000;

interface Common {
  /** Stays the same while a message is on its way, arrives, and changes. */
  key: string;
  /** The first line of a day: any time of it. */
  day?: Timestamp;
}

export type Line =
  | (Common & {
      kind: "message";
      message: Message;
      /** It names its author. */
      named: boolean;
      /** What the reader has not read begins here. */
      isUnread: boolean;
    })
  | (Common & { kind: "notice"; notice: Notice })
  | (Common & { kind: "unsent"; item: OutboxItem; named: boolean })
  /** Nothing is older: the beginning of the room, or the message that began the thread. */
  | (Common & { kind: "start" });

export interface Shown {
  window: Timeline;
  /** Messages on their way, oldest first. They are shown at the end only. */
  unsent: readonly OutboxItem[];
  me: UserId;
  /** What is later is new to the reader; undefined: nothing is. */
  unreadAfter: Seq | undefined;
}

export function linesOf({ window, unsent, me, unreadAfter }: Shown): Line[] {
  const { messages, notices } = window;
  const lines: Line[] = window.older ? [] : [{ kind: "start", key: "start" }];
  // Without what was read last, nobody knows whether the first message that is loaded is the first unread one.
  let seeksUnread = unreadAfter !== undefined && (!window.older || (messages[0]?.seq ?? 0) <= unreadAfter);
  let day = "";
  let last: { userId: UserId; at: number } | undefined;
  const beginDay = (at: Timestamp | number): Pick<Common, "day"> => {
    const its = dayOf(at);
    if (its === day) return {};
    day = its;
    last = undefined;
    return { day: new Date(at).toISOString() };
  };
  const isNamed = (userId: UserId, at: number, apart: boolean): boolean => {
    const named = apart || !last || last.userId !== userId || at - last.at > together;
    last = { userId, at };
    return named;
  };

  let n = 0;
  const addNotices = (before: Seq) => {
    for (let notice = notices[n]; notice && notice.seq < before; notice = notices[++n]) {
      lines.push({ kind: "notice", key: `notice ${notice.firstSeq}`, notice, ...beginDay(notice.createdAt) });
      last = undefined;
    }
  };
  for (const message of messages) {
    addNotices(message.seq);
    const begins = beginDay(message.createdAt);
    const isUnread = seeksUnread && message.seq > (unreadAfter ?? 0) && message.userId !== me;
    if (isUnread) seeksUnread = false;
    const named = isNamed(message.userId, Date.parse(message.createdAt), isUnread || message.replyTo !== 0);
    lines.push({ kind: "message", key: keyOf(message, me), message, named, isUnread, ...begins });
  }
  addNotices(Infinity);
  if (!window.newer) {
    for (const item of unsent) {
      const begins = beginDay(item.createdAt);
      lines.push({ kind: "unsent", key: item.nonce, item, named: isNamed(item.userId, item.createdAt, item.replyTo !== 0), ...begins });
    }
  }
  return lines;
}

/** One's own messages are known by their nonces: they had no seq when they were written. */
const keyOf = (m: Message, me: UserId): string => (m.userId === me && m.nonce ? m.nonce : String(m.seq));

/** The line of a message, or of the first one after it; -1: there is none. */
export const lineAt = (lines: readonly Line[], seq: Seq): number => lines.findIndex((l) => l.kind === "message" && l.message.seq >= seq);

/** The first line of what is new; -1: nothing is, or it is not loaded. */
export const firstUnread = (lines: readonly Line[]): number => lines.findIndex((l) => l.kind === "message" && l.isUnread);

/** Where the keyboard goes from a line: the next message above (-1) or below (1), or the line itself when there is none. */
export function nextMessage(lines: readonly Line[], from: number, step: 1 | -1): number {
  for (let i = from + step; i >= 0 && i < lines.length; i += step) if (lines[i]?.kind === "message") return i;
  return from;
}

/** How high a line will be, in pixels, before anybody has seen it. Good guesses make a scrollbar that does not jump. */
export function guessHeight(line: Line | undefined): number {
  if (!line) return 0;
  const day = line.day ? 44 : 0;
  if (line.kind === "start") return 120;
  if (line.kind === "notice") return day + 28;
  const { content, type } = line.kind === "message" ? line.message : line.item;
  const rows = content.split("\n").reduce((sum, row) => sum + 1 + Math.floor(row.length / 100), 0);
  const extra =
    line.kind === "message"
      ? (line.message.reactions.length > 0 ? 32 : 0) + (line.message.replies ? 28 : 0) + (line.message.replyTo ? 24 : 0)
      : 0;
  return day + (line.named ? 31 : 6) + rows * 21 + extra + (type === "image" ? 260 : type === "file" ? 72 : 0);
}
