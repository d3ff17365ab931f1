// What there is to do for a content before it is parsed as Markdown, and after: mentions are taken out and put back, links are looked at.
import type { Mention } from "~/protocol/types";

/** What is nested deeper than this is shown as it was written. */
export const maxDepth = 24;
/** Markers that nest. More of them in a row than anybody means are not Markdown, and would take long to read. */
const excessive = /^(?:[ \t]*(?:>|[-*+]|\d+[.)])[ \t]*){25}|[[*_~`]{60}|(?:!?\[[^\]]{0,2}){60}/m;

/**
 * Mentions are put in as two characters of a private area, so that nothing in a name is Markdown: this one, and one that counts them.
 * Their offsets are of the content as it was written.
 */
const mentionMark = "\uE000";
const mentionBase = 0xe001;
const maxMentions = 0xf8ff - mentionBase;

/** Nothing in it means anything to Markdown, and no address in it becomes a link. */
const isPlain = (content: string): boolean =>
  !/[*_~`[\]<>#|\\]|:\/\/|www\.|@|^\s*(?:[-+]|\d+[.)])\s|^\s*[-=]{3,}\s*$|\s{2,}\n/m.test(content);

/** A text to parse, or (plain) to show as it is. */
export interface Prepared {
  text: string;
  plain: boolean;
}

export function prepare(content: string, mentions: readonly Mention[]): Prepared {
  const text = mark(content, mentions);
  return { text, plain: isPlain(text) || excessive.test(text) };
}

function mark(content: string, mentions: readonly Mention[]): string {
  let text = "";
  let end = 0;
  mentions.slice(0, maxMentions).forEach(({ offset, length }, i) => {
    if (offset < end || length === 0 || offset + length > content.length) return;
    text += clean(content.slice(end, offset)) + mentionMark + String.fromCharCode(mentionBase + i);
    end = offset + length;
  });
  return text + clean(content.slice(end));
}

const clean = (text: string): string => text.replaceAll(mentionMark, "\uFFFD");

/** A piece of text: what was written, or the mention with this index. */
export type Piece = string | number;

/** Takes the mentions out of a text of a token. */
export function pieces(text: string): Piece[] {
  if (!text.includes(mentionMark)) return [text];
  return text
    .split(/(\uE000[\uE001-\uF8FF])/)
    .filter((piece) => piece !== "")
    .map((piece) => (piece.startsWith(mentionMark) && piece.length === 2 ? piece.charCodeAt(1) - mentionBase : piece));
}

/** A text of a token with its mentions as they were written: in code they are none. */
export const unmark = (text: string, content: string, mentions: readonly Mention[]): string =>
  pieces(text)
    .map((piece) => (typeof piece === "string" ? piece : mentionText(content, mentions[piece])))
    .join("");

export const mentionText = (content: string, mention: Mention | undefined): string =>
  mention ? content.slice(mention.offset, mention.offset + mention.length) : "";

/** An address that a link may lead to; undefined: none, such as javascript:. */
export function safeHref(href: string): string | undefined {
  try {
    const url = new URL(href);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : undefined;
  } catch {
    return undefined;
  }
}

const emoji =
  /^(?:(?:\p{Emoji_Presentation}|\p{Extended_Pictographic}|\p{Regional_Indicator}|\p{Emoji_Modifier}|\u200d|\ufe0f|[0-9#*]\ufe0f?\u20e3|[\u{e0020}-\u{e007f}])\s*)+$/u;

/** A few emoji and nothing else: they are shown larger. */
export const isEmojiOnly = (content: string): boolean =>
  content.length <= 60 && emoji.test(content) && [...new Intl.Segmenter().segment(content.replace(/\s/g, ""))].length <= 6;

/** A content in one line, without the marks of Markdown that would only be in the way there. */
export const excerpt = (content: string): string =>
  content
    .slice(0, 300)
    .replace(/^\s*(?:```.*|>|#{1,6}\s|(?:[-*+]|\d+[.)])\s(?:\[[ xX]\]\s)?)/gm, "")
    .replace(/\*\*|__|~~|`+/g, "")
    .replace(/\s+/g, " ")
    .trim();
