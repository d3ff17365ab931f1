import { useEffect, useState } from "react";
import { useShallow } from "zustand/react/shallow";
import { useApp } from "~/features/app/client-context";
import type { RoomId, Seq } from "~/protocol/types";
import { roomEntry } from "~/state/selectors";
import { type Posting, posting, slowMode, waitOf } from "./posting";

/** Whether somebody may write in a conversation now, and how long slow mode makes them wait, in milliseconds. */
export function usePosting(roomId: RoomId, thread: Seq): { posting: Posting; wait: number } {
  const [now, setNow] = useState(Date.now);
  const state = useApp(
    useShallow((s) => {
      const entry = roomEntry(roomId)(s);
      if (!entry) return { kind: "open" as const, until: 0, interval: 0, lastAt: 0 };
      const interval = slowMode(entry);
      const at = posting(entry, thread, now);
      return {
        kind: at.kind,
        until: at.kind === "muted" ? at.until : 0,
        interval,
        lastAt: interval > 0 ? lastOwn(s.chat.me?.id, entry) : 0,
      };
    }),
  );
  const { kind, until, interval, lastAt } = state;
  const wait = interval > 0 ? waitOf(interval, lastAt, now) : 0;
  // Looks at the clock again when something may have changed by it.
  useEffect(() => {
    if (interval === 0 && kind !== "muted") return;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [interval, kind]);
  return { posting: kind === "muted" ? { kind, until } : { kind }, wait };
}

/** When the user last wrote in a room or its threads, as far as it is loaded; in milliseconds since 1970. */
function lastOwn(me: string | undefined, entry: NonNullable<ReturnType<ReturnType<typeof roomEntry>>>): number {
  const own = entry.recent.findLast((e) => e.message && e.actor.userId === me);
  const shown = Object.values(entry.windows).flatMap((w) => w.messages.findLast((m) => m.userId === me) ?? []);
  return Math.max(0, ...[own, ...shown].map((e) => (e ? Date.parse(e.createdAt) : 0)));
}
