// The parser of Markdown, a chunk of its own: most of what people write needs none. GitHub's Markdown, without what surprises in a chat:
// raw HTML, indented code, underlined headings, link definitions.
import { Lexer, type Token, Tokenizer } from "marked";

class ChatTokenizer extends Tokenizer {
  override html(): undefined {}
  override tag(): undefined {}
  override code(): undefined {}
  override lheading(): undefined {}
  override def(): undefined {}
}

/** The tokens of a text; undefined: it is nested too deep for the parser. */
export function lex(text: string): Token[] | undefined {
  try {
    return new Lexer({ gfm: true, breaks: true, tokenizer: new ChatTokenizer() }).lex(text);
  } catch {
    return undefined;
  }
}
