import { renderToStaticMarkup } from "react-dom/server";
import { beforeAll, expect, test } from "vitest";
import type { Client } from "~/client.client";
import { ClientProvider } from "~/features/app/client-context";
import * as decode from "~/protocol/decode";
import type { Mention } from "~/protocol/types";
import { noChat } from "~/state/chat";
import { newStore } from "~/state/store";
import { TooltipProvider } from "~/ui/Tooltip";
import { Markdown } from "./Markdown";
import { excerpt, isEmojiOnly, safeHref } from "./parse";
import { loadLexer } from "./use-lexer";

const store = newStore();
store.setState({ chat: { ...noChat, me: decode.user({ id: "me" }) } });
const client = { store } as Client;

beforeAll(() => loadLexer());

const html = (content: string, mentions: Mention[] = []) =>
  renderToStaticMarkup(
    <ClientProvider client={client}>
      <TooltipProvider>
        <Markdown content={content} mentions={mentions} />
      </TooltipProvider>
    </ClientProvider>,
  );
/** Without classes, and what opens links. */
const bare = (content: string, mentions: Mention[] = []) =>
  html(content, mentions)
    .replace(/ (class|target|title|tabindex|type|aria-label)="[^"]*"/g, "")
    .replace(/<\/?div>/g, "");

test.for<[string, string]>([
  ["plain text", "<p>plain text</p>"],
  ["**bold** _it_ ~~no~~ `a*b*`", "<p><strong>bold</strong> <em>it</em> <del>no</del> <code>a*b*</code></p>"],
  ["one\ntwo", "<p>one\ntwo</p>"],
  ["# Big", "<p>Big</p>"],
  ["#garden is a room", "<p>#garden is a room</p>"],
  ["1. a\n2. b", '<ol start="1"><li>a</li><li>b</li></ol>'],
  [
    "- [x] an *old* bed\n- [ ] a new one",
    '<ul><li><input disabled="" readOnly="" checked=""/>an <em>old</em> bed</li><li><input disabled="" readOnly=""/>a new one</li></ul>',
  ],
  ["> said", "<blockquote><p>said</p></blockquote>"],
  [
    "see https://example.org/a_b_c",
    '<p>see <a href="https://example.org/a_b_c" rel="noopener noreferrer nofollow">https://example.org/a_b_c</a></p>',
  ],
  ["    indented", "<p>    indented</p>"],
  ["a < b && c > d", "<p>a &lt; b &amp;&amp; c &gt; d</p>"],
  ["snake_case_name", "<p>snake_case_name</p>"],
  [
    "[x]: http://example.org hidden?",
    '<p>[x]: <a href="http://example.org/" rel="noopener noreferrer nofollow">http://example.org</a> hidden?</p>',
  ],
])("%s", ([content, expected]) => {
  expect(bare(content)).toBe(expected);
});

test.for([
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "text <b onclick='x()'>bold</b> text",
  "[click](javascript:alert(1))",
  "[click](JaVaScRiPt:alert(1))",
  "[click](data:text/html,<script>alert(1)</script>)",
  "[click](vbscript:x)",
  "![x](javascript:alert(1))",
  "<javascript:alert(1)>",
  "[a](\u0001javascript:alert(1))",
  '[a](https://example.org/"onmouseover="alert(1))',
  "```html\n</code><script>alert(1)</script>\n```",
  "<!-- --><style>*{display:none}</style>",
  "<a href='javascript:x'>[x](<javascript:y>)</a>",
])("nothing of %s runs", (content) => {
  const out = html(content);
  expect(out).not.toMatch(/<(script|img|style|b|iframe)\b/);
  expect(out).not.toMatch(/<[^>]*\son\w+=/);
  for (const [, href] of out.matchAll(/href="([^"]*)"/g)) expect(href).toMatch(/^(https?|mailto):/);
});

test("what stands in a line of a list is one block", () => {
  expect(html("- an *old* bed")).toContain(
    '<li class=""><div class="flex flex-col gap-1.5"><div class="whitespace-pre-wrap">an <em>old</em> bed</div></div></li>',
  );
});

test.for<[string, string]>([
  ["**Bold** and `code`\n- [x] done\n> said", "Bold and code done said"],
  ["```go\nx := 1\n```", "x := 1"],
  ["2 * 3 * 4 = snake_case", "2 * 3 * 4 = snake_case"],
  ["# Title\n1. one", "Title one"],
])("%s in one line", ([content, expected]) => {
  expect(excerpt(content)).toBe(expected);
});

test("links open elsewhere and tell nothing", () => {
  expect(html("[here](https://example.org)")).toContain('target="_blank" rel="noopener noreferrer nofollow"');
  expect(safeHref("//example.org")).toBeUndefined();
});

test("mentions are names, whatever Markdown they look like", () => {
  const mention = (content: string, name: string): Mention[] => [
    { kind: "user", userId: "me", offset: content.indexOf(name), length: name.length },
  ];
  const content = "**hi @_ana_ you** `x`";
  expect(bare(content, mention(content, "@_ana_"))).toBe("<p><strong>hi <span>@_ana_</span> you</strong> <code>x</code></p>");
  const inCode = "`@ana` sees";
  expect(bare(inCode, mention(inCode, "@ana"))).toBe("<p><code>@ana</code> sees</p>");
  expect(bare("an \uE000\uE001 impostor")).toBe("<p>an \uFFFD\uE001 impostor</p>");
  expect(bare("short", [{ kind: "user", userId: "me", offset: 3, length: 50 }]), "outside the content").toBe("<p>short</p>");
});

test.for<[string, string]>([
  ["quotes", "> ".repeat(4000)],
  ["lists", "- ".repeat(4000)],
  ["numbered lists", "1. ".repeat(2700)],
  ["brackets", "[".repeat(8000)],
  ["links", "[a](".repeat(2000)],
  ["pictures", "![".repeat(4000)],
  ["stars", "*a ".repeat(2700)],
  ["stars and underscores", "*_".repeat(4000)],
  ["opened emphasis", "**a _b ~~c ".repeat(700)],
  ["backticks", Array.from({ length: 120 }, (_, i) => "`".repeat(i)).join(" ")],
  ["tables", `${"|a".repeat(1000)}\n${"|-".repeat(1000)}\n${"|b".repeat(1000)}`],
  ["addresses", "http://a.b/".repeat(700)],
  ["at signs", "a@".repeat(4000)],
  ["dots", "www.".repeat(2000)],
  ["spaces", `${" ".repeat(8000)}x`],
  ["angles", "<a ".repeat(2700)],
  ["escapes", "\\*".repeat(4000)],
  ["entities", "&amp".repeat(2000)],
])("8 KiB of %s are shown before anybody notices", ([, content]) => {
  // What takes quadratic time ends in the time limit of the test; what nests too deep fails.
  expect(html(content).length).toBeGreaterThan(1000);
});

test.for([
  ["👍", true],
  ["👩‍👩‍👧 🏳️‍🌈", true],
  ["❤️", true],
  ["1️⃣", true],
  ["👍 ok", false],
  ["123", false],
  ["", false],
  ["👍".repeat(20), false],
] as const)("%s is a few emoji: %s", ([content, expected]) => {
  expect(isEmojiOnly(content)).toBe(expected);
});
