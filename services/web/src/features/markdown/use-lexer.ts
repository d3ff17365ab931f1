import { useSyncExternalStore } from "react";

type Lex = typeof import("./lexer").lex;

let lex: Lex | undefined;
const waiting = new Set<() => void>();

let loading: Promise<void> | undefined;

/** Loads the parser, unless it is there. Without it, one reads what was written. */
export function loadLexer(): Promise<void> {
  loading ??= import("./lexer").then(
    (module) => {
      lex = module.lex;
      for (const changed of waiting) changed();
    },
    () => {
      loading = undefined;
    },
  );
  return loading;
}

const subscribe = (changed: () => void) => {
  waiting.add(changed);
  return () => waiting.delete(changed);
};
const current = () => lex;

/** The parser of Markdown; undefined: it is still being loaded. */
export const useLexer = (): Lex | undefined => useSyncExternalStore(subscribe, current, current);
