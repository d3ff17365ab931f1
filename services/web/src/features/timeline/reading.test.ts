import { expect, test } from "vitest";
import type { Timeline } from "~/state/timeline";
import { type Aim, has, look } from "./aim";
import { firstLine, nextLine } from "./use-reading";

const marker = (readSeq: number, unread: number, rev = 0) => ({ readSeq, unread, rev, mentions: 0, countedTo: 0 });

test("the line stands where somebody has read to, until they mark something unread", () => {
  let line = firstLine(marker(10, 3));
  expect(line.after).toBe(10);
  line = nextLine(line, marker(13, 0), true);
  expect(line.after, "they read on").toBe(10);
  line = nextLine(line, marker(13, 1), true);
  expect(line.after, "a message comes while they look").toBe(10);
  line = nextLine(nextLine(line, marker(14, 0), true), marker(14, 1), false);
  expect(line.after, "a message comes while they do not").toBe(14);
  line = nextLine(line, marker(14, 2), false);
  expect(line.after).toBe(14);
  line = nextLine(line, marker(5, 8, 1), true);
  expect(line).toMatchObject({ after: 5, held: true });
  expect(firstLine(marker(10, 0)).after).toBeUndefined();
});

const message = (seq: number) => ({ seq });
const window = (first: number, last: number, older: boolean, newer: boolean) =>
  ({ messages: [message(first), message(last)], older, newer }) as unknown as Timeline;

test.for<[Aim, Timeline, boolean]>([
  [{ to: "end" }, window(5, 9, true, false), true],
  [{ to: "end" }, window(5, 9, true, true), false],
  [{ to: "message", seq: 7 }, window(5, 9, true, true), true],
  [{ to: "message", seq: 4 }, window(5, 9, true, true), false],
  [{ to: "message", seq: 4 }, window(5, 9, false, true), true],
  [{ to: "message", seq: 10 }, window(5, 9, true, true), false],
  [{ to: "message", seq: 10, loaded: true }, window(5, 9, true, true), true],
  [{ to: "unread", after: 4 }, window(5, 9, true, false), false],
  [{ to: "unread", after: 5 }, window(5, 9, true, false), true],
  [{ to: "unread", after: 9 }, window(5, 9, true, true), false],
])("%o in %o: %s", ([aim, shown, expected]) => {
  expect(has(shown, aim)).toBe(expected);
});

test.for([
  [0, { atEnd: false, isAway: true, wantsOlder: true, wantsNewer: false }],
  [8000, { atEnd: false, isAway: true, wantsOlder: false, wantsNewer: true }],
  [8970, { atEnd: false, isAway: true, wantsOlder: false, wantsNewer: true }],
] as const)("in the middle of a room at %s", ([scrollTop, expected]) => {
  const view = { scrollTop, scrollHeight: 10_000, clientHeight: 1000 };
  expect(look(view, { older: true, newer: true })).toEqual(expected);
  expect(look(view, { older: false, newer: false })).toMatchObject({ atEnd: scrollTop > 8950, wantsOlder: false, wantsNewer: false });
});
