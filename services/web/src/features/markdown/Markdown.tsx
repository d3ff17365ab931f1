import type { Token, Tokens } from "marked";
import { createContext, Fragment, memo, type ReactNode, useContext, useMemo } from "react";
import { useApp } from "~/features/app/client-context";
import { t } from "~/i18n/t";
import type { Mention } from "~/protocol/types";
import { CodeBlock } from "./CodeBlock";
import { isEmojiOnly, maxDepth, mentionText, pieces, prepare, safeHref, unmark } from "./parse";
import { loadLexer, useLexer } from "./use-lexer";

interface Props {
  content: string;
  mentions?: readonly Mention[];
  /** Stands behind the last word. */
  after?: ReactNode;
}

interface Source {
  content: string;
  mentions: readonly Mention[];
}

// It comes beside the first page of messages.
if (typeof document !== "undefined") void loadLexer();

/** A table with more is not meant as one. */
const maxColumns = 40;

const none: readonly Mention[] = [];
const SourceContext = createContext<Source>({ content: "", mentions: none });

/** A content as its writer meant it. Whatever they wrote, it makes elements and texts only. */
export const Markdown = memo(function Markdown({ content, mentions = none, after }: Props) {
  const prepared = useMemo(() => prepare(content, mentions), [content, mentions]);
  const lex = useLexer();
  // Until the parser is there, one reads what was written.
  const tokens = useMemo(() => (prepared.plain ? undefined : lex?.(prepared.text)), [prepared, lex]);
  const source = useMemo(() => ({ content, mentions }), [content, mentions]);
  if (isEmojiOnly(content)) {
    return (
      <p className="text-[34px] leading-[1.25]">
        {content} <span className="text-[14.5px]">{after}</span>
      </p>
    );
  }
  return (
    <SourceContext value={source}>
      {tokens ? (
        <Blocks tokens={tokens} depth={1} after={after} />
      ) : (
        <p className="whitespace-pre-wrap">
          <Text text={prepared.text} />
          {after}
        </p>
      )}
    </SourceContext>
  );
});

function Block({ token, depth, after }: { token: Token; depth: number; after?: ReactNode }): ReactNode {
  if (depth > maxDepth) return <Text text={token.raw} />;
  const t = token as Tokens.Generic;
  switch (token.type) {
    case "space":
      return null;
    case "heading":
      return (
        <p className={t.depth <= 2 ? "font-bold text-[17px]" : "font-bold"}>
          <Inlines tokens={t.tokens} depth={depth} />
        </p>
      );
    case "code":
      return <Code code={t.text} language={t.lang ?? ""} />;
    case "blockquote":
      return (
        <blockquote className="border-line border-l-[3px] pl-3 text-ink-soft">
          <Blocks tokens={t.tokens} depth={depth + 1} />
        </blockquote>
      );
    case "list":
      return <List list={token as Tokens.List} depth={depth} />;
    case "table":
      return t.header.length > maxColumns ? (
        <p className="whitespace-pre-wrap">{t.raw}</p>
      ) : (
        <Table table={token as Tokens.Table} depth={depth} />
      );
    case "hr":
      return <hr className="my-1 border-line" />;
    case "paragraph":
      return (
        <p className="whitespace-pre-wrap">
          <Inlines tokens={t.tokens} depth={depth} />
          {after}
        </p>
      );
    // A line of a list: one block, whatever stands in it.
    case "text":
      return (
        <div className="whitespace-pre-wrap">
          <Inline token={token} depth={depth} />
        </div>
      );
    default:
      return <Inline token={token} depth={depth} />;
  }
}

// biome-ignore-start lint/suspicious/noArrayIndexKey: the tokens of a content never move
function Blocks({ tokens = [], depth, after }: { tokens?: Token[]; depth: number; after?: ReactNode }) {
  const last = after ? tokens.findLast((token) => token.type !== "space") : undefined;
  const inside = last?.type === "paragraph";
  return (
    <div className="flex flex-col gap-1.5">
      {tokens.map((token, i) => (
        <Block key={i} token={token} depth={depth} after={inside && token === last ? after : undefined} />
      ))}
      {after && !inside && <p>{after}</p>}
    </div>
  );
}

const Inlines = ({ tokens = [], depth }: { tokens?: Token[]; depth: number }) =>
  tokens.map((token, i) => <Inline key={i} token={token} depth={depth + 1} />);

function List({ list, depth }: { list: Tokens.List; depth: number }) {
  const Tag = list.ordered ? "ol" : "ul";
  return (
    <Tag
      start={list.ordered && list.start !== "" ? list.start : undefined}
      className={list.ordered ? "list-decimal pl-7" : "list-disc pl-5"}
    >
      {list.items.map((item, i) => (
        <li key={i} className={item.task ? "-ml-5 flex list-none gap-2" : ""}>
          {item.task && <Checkbox checked={item.checked ?? false} />}
          <Blocks tokens={item.tokens.filter((token) => token.type !== "checkbox")} depth={depth + 1} />
        </li>
      ))}
    </Tag>
  );
}

const Checkbox = ({ checked }: { checked: boolean }) => (
  <input
    type="checkbox"
    disabled
    readOnly
    checked={checked}
    aria-label={t(checked ? "message.taskDone" : "message.taskOpen")}
    className="mt-[4px] size-3.5 shrink-0 self-start"
  />
);

const aligned = { left: "text-left", center: "text-center", right: "text-right" };

function Table({ table, depth }: { table: Tokens.Table; depth: number }) {
  const cell = (c: Tokens.TableCell, i: number, Tag: "th" | "td") => (
    <Tag key={i} className={`border border-line px-2.5 py-1 ${aligned[c.align ?? "left"]}`}>
      <Inlines tokens={c.tokens} depth={depth} />
    </Tag>
  );
  return (
    <div className="max-w-full overflow-x-auto">
      <table className="border-collapse text-[13.5px]">
        <thead>
          <tr>{table.header.map((c, i) => cell(c, i, "th"))}</tr>
        </thead>
        <tbody>
          {table.rows.map((row, i) => (
            <tr key={i}>{row.map((c, j) => cell(c, j, "td"))}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Text({ text }: { text: string }) {
  return pieces(text).map((piece, i) =>
    typeof piece === "string" ? <Fragment key={i}>{piece}</Fragment> : <Mentioned key={i} index={piece} />,
  );
}
// biome-ignore-end lint/suspicious/noArrayIndexKey: see above

function Inline({ token, depth }: { token: Token; depth: number }): ReactNode {
  if (depth > maxDepth) return <Text text={token.raw} />;
  const t = token as Tokens.Generic;
  switch (token.type) {
    case "strong":
      return (
        <strong className="font-semibold">
          <Inlines tokens={t.tokens} depth={depth} />
        </strong>
      );
    case "em":
      return (
        <em>
          <Inlines tokens={t.tokens} depth={depth} />
        </em>
      );
    case "del":
      return (
        <del>
          <Inlines tokens={t.tokens} depth={depth} />
        </del>
      );
    case "codespan":
      return <CodeSpan text={t.text} />;
    case "br":
      return <br />;
    case "checkbox": // of a list whose lines are paragraphs; the line shows it
      return null;
    // Somebody else's server would learn who reads: a picture in the text is a link to it.
    case "link":
    case "image":
      return <Anchor token={token as Tokens.Link} depth={depth} />;
    case "text":
      return t.tokens ? <Inlines tokens={t.tokens} depth={depth} /> : <Text text={t.text} />;
    case "escape":
      return t.text;
    default:
      return <Text text={token.raw} />;
  }
}

function Anchor({ token, depth }: { token: Tokens.Link; depth: number }) {
  const href = safeHref(token.href);
  if (!href) return <Text text={token.raw} />;
  return (
    <a
      href={href}
      title={token.text === token.href ? undefined : href}
      target="_blank"
      rel="noopener noreferrer nofollow"
      className="text-accent-ink break-words underline-offset-2 hover:underline"
    >
      {token.type === "link" ? <Inlines tokens={token.tokens} depth={depth} /> : token.text || href}
    </a>
  );
}

function CodeSpan({ text }: { text: string }) {
  const { content, mentions } = useContext(SourceContext);
  return <code className="rounded bg-hover px-1 py-px font-mono text-[0.9em] text-code">{unmark(text, content, mentions)}</code>;
}

function Code({ code, language }: { code: string; language: string }) {
  const { content, mentions } = useContext(SourceContext);
  return <CodeBlock code={unmark(code, content, mentions)} language={language} />;
}

function Mentioned({ index }: { index: number }) {
  const { content, mentions } = useContext(SourceContext);
  const mention = mentions[index];
  const isMe = useApp((s) => mention !== undefined && (mention.kind !== "user" || mention.userId === s.chat.me?.id));
  if (!mention) return null;
  return (
    <span className={`rounded px-0.5 font-medium ${isMe ? "bg-mention text-mention-ink" : "bg-selected text-accent-ink"}`}>
      {mentionText(content, mention)}
    </span>
  );
}
