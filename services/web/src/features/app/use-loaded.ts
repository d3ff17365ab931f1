import { useCallback, useEffect, useState } from "react";
import { type Fault, toFault } from "~/protocol/fault";

export interface Loaded<T> {
  data?: T;
  fault?: Fault;
  reload(): void;
  /** Shows something else until it is loaded again: what the server has just answered. */
  set(data: T): void;
}

/** What `load` answers; loaded anew when it is another function (useCallback). An answer that comes after that is dropped. */
export function useLoaded<T>(load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [state, setState] = useState<{ data?: T; fault?: Fault }>({});
  const [round, setRound] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: round is what reload changes
  useEffect(() => {
    const ended = new AbortController();
    load(ended.signal).then(
      (data) => !ended.signal.aborted && setState({ data }),
      (error) => !ended.signal.aborted && setState((s) => ({ ...s, fault: toFault(error) })),
    );
    return () => ended.abort();
  }, [load, round]);
  const reload = useCallback(() => setRound((n) => n + 1), []);
  const set = useCallback((data: T) => setState({ data }), []);
  return { ...state, reload, set };
}

export interface Paged<T> {
  items: readonly T[];
  /** undefined: the first page is not there yet. */
  more?: boolean;
  busy: boolean;
  fault?: Fault;
  loadMore(): void;
  reload(): void;
  change(change: (items: readonly T[]) => readonly T[]): void;
}

/** Pages of a list by keyset: `load` gets the last item that is there, and answers with the next ones and whether there are more. */
export function usePages<T>(load: (last: T | undefined, signal: AbortSignal) => Promise<{ items: T[]; more: boolean }>): Paged<T> {
  const [state, setState] = useState<{ items: readonly T[]; more?: boolean; fault?: Fault }>({ items: [] });
  const [wanted, setWanted] = useState<{ after: T | undefined } | undefined>({ after: undefined });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another load is another list
  useEffect(() => {
    setState({ items: [] });
    setWanted({ after: undefined });
  }, [load]);
  useEffect(() => {
    if (!wanted) return;
    const ended = new AbortController();
    load(wanted.after, ended.signal).then(
      ({ items, more }) => {
        if (ended.signal.aborted) return;
        setState((s) => ({ items: wanted.after === undefined ? items : [...s.items, ...items], more }));
        setWanted(undefined);
      },
      (error) => {
        if (ended.signal.aborted) return;
        setState((s) => ({ ...s, fault: toFault(error) }));
        setWanted(undefined);
      },
    );
    return () => ended.abort();
  }, [load, wanted]);
  const loadMore = useCallback(() => setWanted((w) => w ?? { after: state.items.at(-1) }), [state.items]);
  const reload = useCallback(() => setWanted({ after: undefined }), []);
  const change = useCallback((edit: (items: readonly T[]) => readonly T[]) => setState((s) => ({ ...s, items: edit(s.items) })), []);
  return { ...state, busy: wanted !== undefined, loadMore, reload, change };
}
