import { useCallback, useEffect, useRef, useState } from "react";
import { type Fault, toFault } from "~/protocol/fault";

export interface Keyset<T> {
  items: readonly T[];
  /** The last page is there. */
  done: boolean;
  busy: boolean;
  fault?: Fault;
  /** Loads the next page, or tries again. */
  more(): void;
}

interface State<T> {
  items: readonly T[];
  /** Where the next page begins; undefined: there is none. */
  next: string | undefined;
  busy: boolean;
  fault?: Fault;
}

/** A list that comes in pages, each of which says where the next begins; empty: nowhere. Another `load` (useCallback) begins anew. */
export function useKeyset<T>(load: (next: string, signal: AbortSignal) => Promise<{ items: T[]; next: string }>): Keyset<T> {
  const [state, setState] = useState<State<T>>({ items: [], next: "", busy: true });
  const stop = useRef<AbortController>(null);
  const run = useCallback(
    async (from: string) => {
      stop.current?.abort();
      const loading = new AbortController();
      const { signal } = loading;
      stop.current = loading;
      setState((s) => ({ ...s, busy: true, fault: undefined }));
      try {
        const page = await load(from, signal);
        if (signal.aborted) return;
        setState((s) => ({ items: from === "" ? page.items : [...s.items, ...page.items], next: page.next || undefined, busy: false }));
      } catch (error) {
        if (signal.aborted) return;
        setState((s) => ({ items: from === "" ? [] : s.items, next: from, busy: false, fault: toFault(error) }));
      }
    },
    [load],
  );
  useEffect(() => {
    void run("");
    return () => stop.current?.abort();
  }, [run]);
  const { items, next, busy, fault } = state;
  const more = useCallback(() => next !== undefined && void run(next), [run, next]);
  return { items, done: !busy && next === undefined, busy, fault, more };
}
