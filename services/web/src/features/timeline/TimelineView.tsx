import { useVirtualizer, type VirtualItem, type Virtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type ReactNode, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useShallow } from "zustand/react/shallow";
import { useApp, useClient } from "~/features/app/client-context";
import { Loading } from "~/features/app/pages";
import { t } from "~/i18n/t";
import type { Seq } from "~/protocol/types";
import { isLive, timeline, unsentIn } from "~/state/selectors";
import { cx } from "~/ui/class-names";
import { Spinner } from "~/ui/Spinner";
import { Announcer } from "./Announcer";
import { type Aim, has, look } from "./aim";
import { useConversation } from "./conversation";
import { LatestButton } from "./LatestButton";
import { LineView } from "./LineView";
import { firstUnread, guessHeight, lineAt, linesOf, nextMessage } from "./lines";
import { ToolsProvider } from "./tools";
import { useMarkRead, useUnreadLine } from "./use-reading";

interface Props {
  /** A message to go to; undefined: none. */
  at?: Seq;
  /** It was gone to. */
  onArrive?(): void;
  /** What stands above the first message. */
  start: ReactNode;
  label: string;
}

/** Frames after which a view that does not move is where it was sent, and for how many at most that is waited for. */
const stillFrames = 3;
const maxFrames = 60;
/** How long the message that somebody was sent to is marked, in milliseconds. */
const markFor = 2500;

/**
 * Whether the view must move with a line that has another height than before, or than was guessed: what is read stays where it is. Also
 * upwards: a line that was the first of a page loses its name and day once there is one above, and what comes into view at the top grows
 * to the top.
 */
const movesView = (line: VirtualItem, _: number, view: Virtualizer<HTMLDivElement, Element>): boolean => {
  const offset = view.scrollOffset ?? 0;
  if (view.itemSizeCache.has(line.key)) return line.end <= offset;
  const comesIn = view.isScrolling && view.scrollDirection === "backward" ? (view.scrollRect?.height ?? 0) / 2 : 0;
  return line.start < offset + comesIn;
};

/** The messages of a conversation: at its end, at the first unread one, or where somebody scrolls. Only what is on the screen is rendered. */
export function TimelineView({ at, onArrive, start, label }: Props) {
  const client = useClient();
  const { roomId, thread } = useConversation();
  const window = useApp(timeline(roomId, thread));
  const unsent = useApp(useShallow(unsentIn(roomId, thread)));
  const me = useApp((s) => s.chat.me?.id ?? "");
  const live = useApp(isLive);
  const scroller = useRef<HTMLDivElement>(null);
  const [atEnd, setAtEnd] = useState(false);
  const [isAway, setIsAway] = useState(false);
  const [active, setActive] = useState("");
  const [marked, setMarked] = useState<Seq>(0);
  const unread = useUnreadLine(roomId, atEnd);
  const after = thread === 0 ? unread.line.after : undefined;
  const [aim, setAim] = useState<Aim | undefined>(() =>
    at ? { to: "message", seq: at } : after ? { to: "unread", after } : { to: "end" },
  );

  const lines = useMemo(() => (window ? linesOf({ window, unsent, me, unreadAfter: after }) : []), [window, unsent, me, after]);
  const activeIndex = useMemo(() => {
    const found = lines.findIndex(({ key }) => key === active);
    return found < 0 ? nextMessage(lines, lines.length, -1) : found;
  }, [lines, active]);
  const lastOwn =
    thread === 0 && window && !window.newer ? window.messages.findLast((m) => m.userId === me && !m.isDeleted)?.seq : undefined;

  // A page that was put behind what is loaded is nothing new: it is not followed.
  const wasWhole = useRef(false);
  const whole = window !== undefined && !window.newer;
  const virtualizer = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    getItemKey: useCallback((index: number) => lines[index]?.key ?? index, [lines]),
    estimateSize: useCallback((index: number) => guessHeight(lines[index]), [lines]),
    rangeExtractor: useCallback(
      ({ startIndex, endIndex, overscan, count }: { startIndex: number; endIndex: number; overscan: number; count: number }) => {
        const [from, to] = [Math.max(0, startIndex - overscan), Math.min(count - 1, endIndex + overscan)];
        const range = Array.from({ length: to - from + 1 }, (_, i) => from + i);
        // What has the focus stays, wherever somebody scrolls.
        return active === "" || activeIndex < 0 || (activeIndex >= from && activeIndex <= to)
          ? range
          : [...range, activeIndex].sort((a, b) => a - b);
      },
      [active, activeIndex],
    ),
    anchorTo: "end",
    // Heights and places are written before the view is moved, not with the next rendering.
    directDomUpdates: true,
    followOnAppend: whole && wasWhole.current,
    scrollEndThreshold: 48,
    overscan: 10,
    paddingEnd: 12,
  });
  virtualizer.shouldAdjustScrollPositionOnItemSizeChange = movesView;
  useLayoutEffect(() => {
    wasWhole.current = whole;
  });

  const see = useCallback(() => {
    const element = scroller.current;
    const now = timeline(roomId, thread)(client.store.getState());
    if (!element || !now) return;
    const seen = look(element, now);
    setAtEnd(seen.atEnd);
    setIsAway(seen.isAway);
    client.follow(roomId, thread, seen.atEnd);
    if (seen.wantsOlder) client.loadOlder(roomId, thread).catch((error) => client.fail(error));
    if (seen.wantsNewer) client.loadNewer(roomId, thread).catch((error) => client.fail(error));
  }, [client, roomId, thread]);

  // Who is at the end stays there, when a panel opens beside it or the composer grows.
  const isAtEnd = useRef(false);
  isAtEnd.current = atEnd;
  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const observer = new ResizeObserver(() => isAtEnd.current && virtualizer.scrollToEnd());
    observer.observe(element);
    return () => observer.disconnect();
  }, [virtualizer]);

  // ── Going somewhere ──

  useEffect(() => {
    if (at) setAim({ to: "message", seq: at });
  }, [at]);
  useEffect(() => {
    // The server had more news than it would send: what was loaded is gone.
    if (!window) setAim((old) => (old?.loaded || !old ? { to: "end" } : old));
  }, [window]);
  const isThere = aim !== undefined && window !== undefined && has(window, aim);
  useEffect(() => {
    if (!aim || isThere || !live) return;
    const loading =
      aim.to === "end"
        ? client.store.getState().chat.rooms[roomId]?.windows[thread]
          ? client.openEnd(roomId, thread)
          : client.open(roomId, thread)
        : client.openAround(roomId, aim.to === "unread" ? aim.after + 1 : aim.seq, thread);
    loading.then(
      () => setAim((now) => (now === aim ? { ...aim, loaded: true } : now)),
      (error) => client.fail(error),
    );
  }, [client, roomId, thread, aim, isThere, live]);
  const target = useRef<Aim>(undefined);
  useLayoutEffect(() => {
    if (!aim || !isThere || target.current === aim) return;
    target.current = aim;
    const index = aim.to === "message" ? lineAt(lines, aim.seq) : aim.to === "unread" ? firstUnread(lines) : -1;
    if (index < 0) virtualizer.scrollToEnd();
    else virtualizer.scrollToIndex(index, { align: aim.to === "message" ? "center" : "start" });
    if (aim.to === "message") {
      setMarked(aim.seq);
      onArrive?.();
    }
    // It moves until its lines are measured, towards a line that it knows by its place: no page may come in before it rests.
    const wait = (frame: number, still: number, before: number) => {
      const element = scroller.current;
      if (!element || target.current !== aim) return;
      if (still < stillFrames && frame < maxFrames) {
        const now = element.scrollTop + element.scrollHeight;
        requestAnimationFrame(() => wait(frame + 1, now === before ? still + 1 : 0, now));
        return;
      }
      virtualizer.cancelScroll();
      setAim((old) => (old === aim ? undefined : old));
    };
    wait(0, 0, -1);
  }, [aim, isThere, lines, virtualizer, onArrive]);
  useEffect(() => {
    if (marked === 0) return;
    const timer = setTimeout(() => setMarked(0), markFor);
    return () => clearTimeout(timer);
  }, [marked]);
  const isGoing = aim !== undefined;
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was added moves the ends
  useLayoutEffect(() => {
    if (!isGoing) see();
  }, [lines, isGoing, see]);

  const goTo = useCallback((seq: Seq) => setAim({ to: "message", seq }), []);
  const goToEnd = useCallback(() => setAim({ to: "end" }), []);

  // Who says something wants to see it.
  const newest = unsent.at(-1)?.nonce;
  const { clear } = unread;
  useEffect(() => {
    if (!newest || !document.hasFocus()) return;
    clear();
    goToEnd();
  }, [newest, clear, goToEnd]);

  // ── Reading ──

  const seenSeq = !window || !atEnd || isGoing || unread.line.held ? 0 : thread === 0 ? window.asOf : (window.messages.at(-1)?.seq ?? 0);
  useMarkRead(roomId, thread, seenSeq);

  // ── The keyboard ──

  const wantsFocus = useRef(false);
  const moveTo = (index: number) => {
    const line = lines[index];
    if (!line) return;
    wantsFocus.current = true;
    setActive(line.key);
    virtualizer.scrollToIndex(index, { align: "auto" });
  };
  useLayoutEffect(() => {
    if (!wantsFocus.current) return;
    const element = scroller.current?.querySelector<HTMLElement>(`[data-index="${activeIndex}"] article`);
    if (!element) return;
    wantsFocus.current = false;
    element.focus({ preventScroll: true });
  });
  const { input } = useConversation();
  const onKeyDown = (event: KeyboardEvent) => {
    if (!(event.target instanceof HTMLElement) || event.target.tagName !== "ARTICLE" || event.ctrlKey || event.metaKey || event.altKey)
      return;
    const to = new Map([
      ["ArrowUp", () => moveTo(nextMessage(lines, activeIndex, -1))],
      ["ArrowDown", () => moveTo(nextMessage(lines, activeIndex, 1))],
      ["Home", () => moveTo(nextMessage(lines, -1, 1))],
      ["End", () => moveTo(nextMessage(lines, lines.length, -1))],
      ["Escape", () => input.current?.focus()],
    ]).get(event.key);
    if (!to) return;
    event.preventDefault();
    to();
  };

  const items = virtualizer.getVirtualItems();
  return (
    <ToolsProvider goTo={goTo}>
      <div className="relative flex min-h-0 flex-1 flex-col">
        <div
          ref={scroller}
          className="flex min-h-0 flex-1 flex-col overflow-y-auto overscroll-contain [overflow-anchor:none]"
          onScroll={isGoing ? undefined : see}
        >
          {/* What is scrolled into view is no news; Announcer says what is. */}
          <div
            ref={virtualizer.containerRef}
            role="log"
            aria-live="off"
            aria-label={label}
            aria-busy={!window}
            className={cx("relative w-full shrink-0", thread === 0 && "mt-auto")}
            onKeyDown={onKeyDown}
            onFocus={(event) => {
              const index = Number(event.target.closest<HTMLElement>("[data-index]")?.dataset.index ?? -1);
              const line = lines[index];
              if (line) setActive(line.key);
            }}
            onBlur={(event) => !event.currentTarget.contains(event.relatedTarget) && setActive("")}
          >
            {items.map(({ key, index }) => {
              const line = lines[index];
              return (
                line && (
                  <div key={key} ref={virtualizer.measureElement} data-index={index} className="absolute top-0 left-0 w-full">
                    <LineView
                      line={line}
                      start={start}
                      focusable={index === activeIndex}
                      marked={line.kind === "message" && line.message.seq === marked}
                      isLastOwn={line.kind === "message" && line.message.seq === lastOwn}
                    />
                  </div>
                )
              );
            })}
          </div>
        </div>
        {!window && (
          <div className="absolute inset-0">
            <Loading />
          </div>
        )}
        {window?.older && !isGoing && virtualizer.scrollOffset !== null && virtualizer.scrollOffset < 40 && (
          <div
            role="status"
            aria-label={t("common.loading")}
            className="absolute top-2 left-1/2 -translate-x-1/2 rounded-full bg-raised p-2 shadow-float"
          >
            <Spinner />
          </div>
        )}
        {isAway && <LatestButton roomId={roomId} thread={thread} onClick={goToEnd} />}
        {window && whole && <Announcer messages={window.messages} me={me} />}
      </div>
    </ToolsProvider>
  );
}
