import { expect, test } from "vitest";
import { bytesOf, type Format, format } from "./markdown";

/** A text with its selection between [ and ]; one | is a caret. */
function apply(marked: string, how: Format): string {
  const start = marked.search(/[[|]/);
  const end = marked.includes("|") ? start : marked.indexOf("]") - 1;
  const text = marked.replace(/[[\]|]/g, "");
  const e = format(text, start, end, how);
  const after = text.slice(0, e.from) + e.insert + text.slice(e.to);
  return e.start === e.end
    ? `${after.slice(0, e.start)}|${after.slice(e.start)}`
    : `${after.slice(0, e.start)}<${after.slice(e.start, e.end)}>${after.slice(e.end)}`;
}

test.each<[Format, string, string]>([
  ["bold", "a [word] b", "a **<word>** b"],
  ["bold", "a **[word]** b", "a <word> b"],
  ["bold", "a [**word**] b", "a <word> b"],
  ["bold", "a [word ]b", "a **<word>** b"],
  ["bold", "say |", "say **|**"],
  ["italic", "[word]", "_<word>_"],
  ["strike", "[word]", "~~<word>~~"],
  ["code", "[x = 1]", "`<x = 1>`"],
  ["code", "see [a\nb] there", "see \n```\n<a\nb>\n```\n there"],
  ["quote", "one\nt[wo\nthr]ee", "one\n<> two\n> three>"],
  ["quote", "[> one]", "<one>"],
  ["list", "one|", "- one|"],
])("%s: %j becomes %j", (how, before, after) => expect(apply(before, how)).toBe(after));

test("a link wants what is missing of it", () => {
  expect(format("see docs", 4, 8, "link")).toEqual({ from: 4, to: 8, insert: "[docs](https://)", start: 11, end: 19 });
  expect(format("https://a.example", 0, 17, "link")).toEqual({ from: 0, to: 17, insert: "[](https://a.example)", start: 1, end: 1 });
});

test("length is what the server counts", () => expect(bytesOf("ä🐈")).toBe(6));
