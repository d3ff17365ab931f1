import { expect, test } from "vitest";
import type { OutboxItem } from "~/outbox/outbox.client";
import * as decode from "~/protocol/decode";
import type { Timeline } from "~/state/timeline";
import { firstUnread, type Line, lineAt, linesOf, nextMessage, type Shown } from "./lines";

const at = (time: string) => new Date(`2026-03-${time}`).toISOString();
const said = (seq: number, userId: string, time: string, more = {}) =>
  decode.message({ seq, userId, username: userId, content: `${seq}`, createdAt: at(time), nonce: `n${seq}`, ...more });
const joined = (seq: number, time: string) => decode.notice({ seq, firstSeq: seq, kind: "joined", createdAt: at(time) });
const window = (more: Partial<Timeline>): Timeline => ({
  roomId: "r",
  thread: 0,
  asOf: 99,
  messages: [],
  notices: [],
  older: false,
  newer: false,
  following: true,
  ...more,
});
const unsent = (nonce: string, time: string): OutboxItem => ({
  nonce,
  userId: "me",
  roomId: "r",
  content: "",
  type: "text",
  fileUrl: "",
  replyTo: 0,
  thread: 0,
  failure: "",
  createdAt: Date.parse(at(time)),
  state: "pending",
  seq: 0,
});
const lines = (w: Partial<Timeline>, more: Partial<Shown> = {}) =>
  linesOf({ window: window(w), unsent: [], me: "me", unreadAfter: undefined, ...more });

/** A line in short: what it is, and d(ay), n(amed), u(nread). */
const short = (line: Line): string => {
  const what = line.kind === "message" ? `${line.message.seq}` : line.kind;
  const named = (line.kind === "message" || line.kind === "unsent") && line.named;
  const unread = line.kind === "message" && line.isUnread;
  return [what, line.day && "d", named && "n", unread && "u"].filter(Boolean).join(" ");
};

test.for<[string, Line[], string[]]>([
  ["nobody said anything", lines({}), ["start"]],
  ["one person within minutes", lines({ messages: [said(1, "a", "01 10:00"), said(2, "a", "01 10:04")] }), ["start", "1 d n", "2"]],
  ["one person, later", lines({ messages: [said(1, "a", "01 10:00"), said(2, "a", "01 10:06")] }), ["start", "1 d n", "2 n"]],
  ["two people", lines({ messages: [said(1, "a", "01 10:00"), said(2, "b", "01 10:00")] }), ["start", "1 d n", "2 n"]],
  ["over midnight", lines({ messages: [said(1, "a", "01 23:59"), said(2, "a", "02 00:00")] }), ["start", "1 d n", "2 d n"]],
  [
    "an answer names its author",
    lines({ messages: [said(1, "a", "01 10:00"), said(2, "a", "01 10:00", { replyTo: 1 }), said(3, "a", "01 10:00")] }),
    ["start", "1 d n", "2 n", "3"],
  ],
  [
    "a notice between",
    lines({ messages: [said(1, "a", "01 10:00"), said(3, "a", "01 10:01")], notices: [joined(2, "01 10:00"), joined(9, "02 10:00")] }),
    ["start", "1 d n", "notice", "3 n", "notice d"],
  ],
  ["older ones are not loaded", lines({ older: true, messages: [said(5, "a", "01 10:00")] }), ["5 d n"]],
  [
    "the first unread one is somebody else's",
    lines(
      { messages: [said(1, "a", "01 10:00"), said(2, "me", "01 10:00"), said(3, "a", "01 10:00"), said(4, "a", "01 10:00")] },
      { unreadAfter: 1 },
    ),
    ["start", "1 d n", "2 n", "3 n u", "4"],
  ],
  ["what was read last is not loaded", lines({ older: true, messages: [said(5, "a", "01 10:00")] }, { unreadAfter: 2 }), ["5 d n"]],
  ["everything is unread", lines({ messages: [said(5, "a", "01 10:00")] }, { unreadAfter: 0 }), ["start", "5 d n u"]],
  ["on its way", lines({ messages: [said(1, "me", "01 10:00")] }, { unsent: [unsent("x", "01 10:01")] }), ["start", "1 d n", "unsent"]],
  [
    "on its way, far below",
    lines({ newer: true, messages: [said(1, "a", "01 10:00")] }, { unsent: [unsent("x", "01 10:01")] }),
    ["start", "1 d n"],
  ],
])("%s", ([, shown, expected]) => {
  expect(shown.map(short)).toEqual(expected);
});

test("a message keeps its key when it arrives", () => {
  const before = lines({}, { unsent: [unsent("n7", "01 10:00")] });
  const after = lines({ messages: [said(7, "me", "01 10:00")] });
  expect(before.at(-1)?.key).toBe("n7");
  expect(after.at(-1)?.key).toBe("n7");
  // Others may choose the same nonce.
  expect(lines({ messages: [said(7, "a", "01 10:00")] }).at(-1)?.key).toBe("7");
});

test("finds its way", () => {
  const shown = lines(
    { messages: [said(3, "a", "01 10:00"), said(7, "a", "01 10:00")], notices: [joined(5, "01 10:00")] },
    { unreadAfter: 3 },
  );
  expect([2, 3, 4, 7, 8].map((seq) => lineAt(shown, seq))).toEqual([1, 1, 3, 3, -1]);
  expect(firstUnread(shown)).toBe(3);
  expect([nextMessage(shown, 3, -1), nextMessage(shown, 1, -1), nextMessage(shown, 1, 1), nextMessage(shown, shown.length, -1)]).toEqual([
    1, 1, 3, 3,
  ]);
});
