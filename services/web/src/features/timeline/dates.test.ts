import { expect, test } from "vitest";
import { dayName, dayOf, shortTime } from "./dates";

const at = (year: number, month: number, day: number, hour = 12, minute = 0) => new Date(year, month - 1, day, hour, minute).getTime();
const now = at(2026, 3, 10);

test.for<[number, string | RegExp]>([
  [at(2026, 3, 10, 0, 1), "Today"],
  [at(2026, 3, 9, 23, 59), "Yesterday"],
  [at(2026, 3, 8), /Sunday.*8|8.*Sunday/],
  [at(2025, 3, 9), /2025/],
])("%s is %s", ([time, expected]) => {
  expect(dayName(time, now)).toMatch(expected);
});

test("the first of a month has a yesterday", () => {
  expect(dayName(at(2026, 2, 28), at(2026, 3, 1))).toBe("Yesterday");
});

test("a day ends at midnight of the reader", () => {
  expect(dayOf(at(2026, 3, 10, 23, 59))).toBe(dayOf(at(2026, 3, 10, 0, 0)));
  expect(dayOf(at(2026, 3, 10, 23, 59))).not.toBe(dayOf(at(2026, 3, 11, 0, 0)));
});

test("of today the time is enough", () => {
  expect(shortTime(at(2026, 3, 10, 9, 30), now)).not.toMatch(/Mar|\b10\b/);
  expect(shortTime(at(2026, 3, 9, 9, 30), now)).toMatch(/Mar/);
});
