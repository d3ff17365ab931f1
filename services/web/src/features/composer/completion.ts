// What the word before the caret may become: somebody's name, or an emoji. Pure.
import type { UserRef } from "~/protocol/types";

export interface Token {
  kind: "mention" | "emoji";
  /** What stands between the sign and the caret. */
  query: string;
  /** Where the sign stands. */
  from: number;
}

/** The sign begins a word: an e-mail address mentions nobody, and 10:30 is no emoji. Names are as package username allows them. */
const mention = /(?:^|[\s([{>"'*_~/])@([\p{L}\p{M}\p{Nd}_.-]{0,32})$/u;
const emoji = /(?:^|[\s([{>"'*_~/])?:([a-z0-9_+-]{2,32})$/i;
const closed = /(?:^|[^\w:]):([a-z0-9_+-]{1,32}):$/i;

export function tokenAt(text: string, caret: number): Token | undefined {
  // Long enough for every sign with its word, and the character before it.
  const before = text.slice(Math.max(0, caret - 40), caret);
  if (inCode(text, caret)) return undefined;
  const name = mention.exec(before)?.[1];
  if (name !== undefined) return { kind: "mention", query: name, from: caret - name.length - 1 };
  const match = emoji.exec(before);
  const query = match?.[1];
  if (match && query !== undefined) {
    const from = caret - query.length - 1;
    const earlier = text[from - 1];
    return earlier === undefined || /[^\w:]/.test(earlier) ? { kind: "emoji", query, from } : undefined;
  }
  return undefined;
}

/** The :name: that has just been closed, and where it begins. */
export function closedEmoji(text: string, caret: number): { name: string; from: number } | undefined {
  const name = closed.exec(text.slice(Math.max(0, caret - 40), caret))?.[1];
  return name === undefined || inCode(text, caret) ? undefined : { name: name.toLowerCase(), from: caret - name.length - 2 };
}

/** Whether an odd number of backticks, or of fences, stands before: what is typed is code. */
function inCode(text: string, caret: number): boolean {
  const before = text.slice(0, caret);
  const fences = before.split("```").length - 1;
  if (fences % 2 === 1) return true;
  const line = before.slice(before.lastIndexOf("\n") + 1).replaceAll("```", "");
  return (line.split("`").length - 1) % 2 === 1;
}

/** As names are compared: without case and accents. */
export const folded = (text: string): string => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

/** How well a name answers a query: 0 is best, undefined not at all. A beginning is better than the beginning of a later word, that than any part. */
export function rank(name: string, query: string): number | undefined {
  const [n, q] = [folded(name), folded(query)];
  if (n.startsWith(q)) return n.length === q.length ? 0 : 1;
  const at = n.indexOf(q);
  if (at < 0) return undefined;
  return /[\s_.-]/.test(n[at - 1] ?? "") ? 2 : 3;
}

/** The best few, in the order of the list where they are equally good. */
export function best<T>(list: readonly T[], names: (item: T) => readonly string[], query: string, most: number): T[] {
  return list
    .flatMap((item) => {
      const ranks = names(item).flatMap((name) => rank(name, query) ?? []);
      return ranks.length > 0 ? [{ item, rank: Math.min(...ranks) }] : [];
    })
    .sort((a, b) => a.rank - b.rank)
    .slice(0, most)
    .map(({ item }) => item);
}

/** A line of the list of suggestions. */
export interface Suggestion {
  key: string;
  /** What takes the place of the token. */
  insert: string;
  label: string;
  /** Said beside it. */
  hint?: string;
  /** Whose avatar is shown; else `sign` is. */
  user?: UserRef;
  sign?: string;
}

export const mostSuggestions = 8;
