// How far the reader of a room has read: the line above what is new to them, and the marker that other devices follow.
import { useCallback, useEffect, useRef, useState } from "react";
import { useApp, useClient } from "~/features/app/client-context";
import type { RoomId, Seq } from "~/protocol/types";
import type { ReadMarker } from "~/state/chat";
import { roomEntry } from "~/state/selectors";
import { usePageFocus } from "./use-focus.client";

/** Milliseconds between two moves of a marker: in a busy room every message would be one. */
const pace = 500;

export interface UnreadLine {
  /** What is later is new; undefined: nothing is. */
  after: Seq | undefined;
  /** The reader marked the room unread: looking at it does not change that. */
  held: boolean;
  marker: Pick<ReadMarker, "unread" | "rev">;
}

const noMarker: ReadMarker = { readSeq: 0, rev: 0, unread: 0, mentions: 0, countedTo: 0 };

export const firstLine = (m: ReadMarker): UnreadLine => ({ after: m.unread > 0 ? m.readSeq : undefined, held: false, marker: m });

/**
 * Where the line is after the marker moved. It stays while somebody reads on, so that they see where they were; it comes when messages
 * arrive that nobody is looking at (watched), and where the reader puts it.
 */
export function nextLine(line: UnreadLine, m: ReadMarker, watched: boolean): UnreadLine {
  const { unread, rev } = line.marker;
  if (m.unread === unread && m.rev === rev) return line;
  const marker = { unread: m.unread, rev: m.rev };
  if (m.rev > rev) return { after: m.readSeq, held: true, marker };
  if (unread === 0 && m.unread > 0 && !watched) return { ...line, after: m.readSeq, marker };
  return { ...line, marker };
}

/** atEnd: the reader sees the newest messages of the room. */
export function useUnreadLine(roomId: RoomId, atEnd: boolean): { line: UnreadLine; clear(): void } {
  const watched = usePageFocus() && atEnd;
  const marker = useApp((s) => roomEntry(roomId)(s)?.marker) ?? noMarker;
  const [line, setLine] = useState(() => firstLine(marker));
  const next = nextLine(line, marker, watched);
  if (next !== line) setLine(next);
  const clear = useCallback(() => setLine((old) => ({ ...old, after: undefined, held: false })), []);
  return { line: next, clear };
}

/** Moves the marker of a room or a thread to seq while somebody sees that; 0: they do not. */
export function useMarkRead(roomId: RoomId, thread: Seq, seq: Seq): void {
  const client = useClient();
  const focused = usePageFocus();
  const wanted = useRef(0);
  const done = useRef(0);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  wanted.current = focused ? seq : 0;
  useEffect(() => {
    const move = () => {
      timer.current = undefined;
      if (wanted.current <= done.current) return;
      done.current = wanted.current;
      if (thread === 0) client.markRead(roomId, done.current);
      // Lost, it is sent with the next one.
      else client.request({ read: { roomId, seq: done.current, thread } }).catch(() => {});
      timer.current = setTimeout(move, pace);
    };
    if (focused && seq > 0 && timer.current === undefined) move();
  }, [client, roomId, thread, seq, focused]);
  useEffect(() => () => clearTimeout(timer.current), []);
}
