// The filters in what is searched for, and what is shown of what was found. Pure; the language is the server's (README, Search).
import type { RoomId } from "~/protocol/types";

export const filterNames = ["from", "in", "before", "after", "has"] as const;
export type FilterName = (typeof filterNames)[number];

export interface Filter {
  name: FilterName;
  /** Without quotes. */
  value: string;
  /** Its place in the query. */
  from: number;
  to: number;
}

export function filtersOf(query: string): Filter[] {
  const found: Filter[] = [];
  // What is quoted is a phrase, filters in it as well.
  for (const match of query.matchAll(/"[^"]*"|(?<![^\s])(from|in|before|after|has):(?:"([^"]*)"|([^\s"]+))/gi)) {
    const [text, name, quoted, bare] = match;
    if (name)
      found.push({ name: name.toLowerCase() as FilterName, value: quoted ?? bare ?? "", from: match.index, to: match.index + text.length });
  }
  return found;
}

/** The words of a query, without its filters. */
export function wordsOf(query: string): string {
  let words = query;
  for (const { from, to } of filtersOf(query).reverse()) words = words.slice(0, from) + words.slice(to);
  return words.replace(/\s+/g, " ").trim();
}

/** Adds a filter. Of before and after there is one each. */
export function withFilter(query: string, name: FilterName, value: string): string {
  const token = `${name}:${/[\s"]/.test(value) ? `"${value.replaceAll('"', "")}"` : value}`;
  const old = filtersOf(query).find((f) => f.name === name && (name === "before" || name === "after" || f.value === value));
  if (old) return query.slice(0, old.from) + token + query.slice(old.to);
  return `${query.trim()} ${token}`.trim();
}

export const withoutFilter = (query: string, { from, to }: Filter): string =>
  `${query.slice(0, from).trimEnd()} ${query.slice(to).trimStart()}`.trim();

/** Where a query is wrong, if its fault says so: the number of the character, from 1, and what is wrong there. */
export function placeOf(message: string): { at: number; what: string } | undefined {
  const [, at, what] = /^at character (\d+): (.*)$/s.exec(message) ?? [];
  return what === undefined ? undefined : { at: Number(at), what };
}

export interface Segment {
  text: string;
  marked: boolean;
}

interface Highlight {
  offset?: number;
  length?: number;
}

/** What is shown of a long content, in UTF-16 code units. */
const mostShown = 280;

/** A content as it is shown: what was found is marked, and something of it is on the screen. */
export function excerpt(content: string, highlights: readonly Highlight[]): Segment[] {
  const first = highlights[0]?.offset ?? 0;
  const start = content.length <= mostShown || first < mostShown / 2 ? 0 : wordStart(content, first - 60);
  const end = Math.min(content.length, start + mostShown);
  const segments: Segment[] = [];
  const add = (text: string, marked: boolean) => text !== "" && segments.push({ text, marked });
  let at = start;
  for (const { offset = 0, length = 0 } of highlights) {
    if (offset < at || offset + length > end) continue;
    add(content.slice(at, offset), false);
    add(content.slice(offset, offset + length), true);
    at = offset + length;
  }
  add(content.slice(at, end), false);
  if (start > 0) segments.unshift({ text: "…", marked: false });
  if (end < content.length) segments.push({ text: "…", marked: false });
  return segments;
}

/** Not in the middle of a word, or of a character. */
const wordStart = (content: string, near: number): number => {
  const blank = content.slice(near, near + 40).search(/\s/);
  return blank < 0 ? near : near + blank + 1;
};

/** What was found by room, in the order of the newest of each. */
export function byRoom<T>(hits: readonly T[], roomOf: (hit: T) => RoomId): { roomId: RoomId; hits: T[] }[] {
  const groups = new Map<RoomId, T[]>();
  for (const hit of hits) {
    const group = groups.get(roomOf(hit));
    if (group) group.push(hit);
    else groups.set(roomOf(hit), [hit]);
  }
  return [...groups].map(([roomId, all]) => ({ roomId, hits: all }));
}
