// What the format keys do to a text and its selection. Pure; offsets are in UTF-16 code units, as textareas count.

export interface Edit {
  /** What is replaced, and by what. */
  from: number;
  to: number;
  insert: string;
  /** The selection afterwards. */
  start: number;
  end: number;
}

export type Format = "bold" | "italic" | "strike" | "code" | "link" | "quote" | "list";

const marks = { bold: "**", italic: "_", strike: "~~", code: "`" } as const;

export function format(text: string, start: number, end: number, how: Format): Edit {
  if (how === "link") return link(text, start, end);
  if (how === "quote") return prefixLines(text, start, end, "> ");
  if (how === "list") return prefixLines(text, start, end, "- ");
  const selected = text.slice(start, end);
  if (how === "code" && selected.includes("\n")) return fence(text, start, end);
  return wrap(text, start, end, marks[how]);
}

/** Puts marks around the selection, or takes them away when they are there. Blanks at its ends stay outside: they would break the marks. */
function wrap(text: string, start: number, end: number, mark: string): Edit {
  const selected = text.slice(start, end);
  const from = start + (selected.length - selected.trimStart().length);
  const to = Math.max(from, end - (selected.length - selected.trimEnd().length));
  const inner = text.slice(from, to);
  const n = mark.length;
  if (inner.length >= 2 * n && inner.startsWith(mark) && inner.endsWith(mark)) {
    const bare = inner.slice(n, -n);
    return { from, to, insert: bare, start: from, end: from + bare.length };
  }
  if (text.slice(from - n, from) === mark && text.slice(to, to + n) === mark && from >= n) {
    return { from: from - n, to: to + n, insert: inner, start: from - n, end: to - n };
  }
  return { from, to, insert: mark + inner + mark, start: from + n, end: to + n };
}

function fence(text: string, start: number, end: number): Edit {
  const before = start > 0 && text[start - 1] !== "\n" ? "\n" : "";
  const after = end < text.length && text[end] !== "\n" ? "\n" : "";
  const head = `${before}\`\`\`\n`;
  const inner = text.slice(start, end);
  const insert = `${head}${inner}${inner.endsWith("\n") ? "" : "\n"}\`\`\`${after}`;
  return { from: start, to: end, insert, start: start + head.length, end: start + head.length + inner.length };
}

/** [text](address): what is missing of the two is selected. */
function link(text: string, start: number, end: number): Edit {
  const selected = text.slice(start, end);
  if (/^https?:\/\/\S+$/.test(selected)) return { from: start, to: end, insert: `[](${selected})`, start: start + 1, end: start + 1 };
  const at = start + selected.length + 3;
  return { from: start, to: end, insert: `[${selected}](https://)`, start: at, end: at + "https://".length };
}

/** Every line of the selection gets the prefix, or loses it when all have it. */
function prefixLines(text: string, start: number, end: number, prefix: string): Edit {
  const from = text.lastIndexOf("\n", start - 1) + 1;
  const next = text.indexOf("\n", end);
  const to = next < 0 ? text.length : next;
  const lines = text.slice(from, to).split("\n");
  const all = lines.every((line) => line.startsWith(prefix));
  const insert = lines.map((line) => (all ? line.slice(prefix.length) : prefix + line)).join("\n");
  return start === end
    ? { from, to, insert, start: from + insert.length, end: from + insert.length }
    : { from, to, insert, start: from, end: from + insert.length };
}

/** Bytes of a text as the server counts them. */
export const bytesOf = (text: string): number => new TextEncoder().encode(text).length;
