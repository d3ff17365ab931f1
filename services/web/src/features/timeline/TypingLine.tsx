import { useEffect, useState } from "react";
import { useApp } from "~/features/app/client-context";
import { t } from "~/i18n/t";
import type { RoomId } from "~/protocol/types";
import { roomEntry } from "~/state/selectors";

/** Who is writing something. Its line is always there, so that nothing moves. */
export function TypingLine({ roomId }: { roomId: RoomId }) {
  const typing = useApp((s) => roomEntry(roomId)(s)?.typing);
  const people = useApp((s) => s.chat.people);
  const me = useApp((s) => s.chat.me?.id);
  const [now, setNow] = useState(() => performance.now());
  const ends = Object.values(typing ?? {}).filter((until) => until > now);
  const next = Math.min(...ends);
  useEffect(() => {
    setNow(performance.now());
    if (next === Infinity) return;
    const timer = setTimeout(() => setNow(performance.now()), next - performance.now() + 10);
    return () => clearTimeout(timer);
  }, [next]);
  const names = Object.entries(typing ?? {})
    .filter(([id, until]) => until > now && id !== me)
    .map(([id]) => people[id]?.username)
    .filter((name) => name !== undefined);
  return (
    <p aria-live="off" className="h-5 shrink-0 truncate px-4 text-ink-soft text-xs leading-5 md:px-6">
      {names.length === 0
        ? ""
        : names.length > 3
          ? t("timeline.manyTyping")
          : t("timeline.typing", { names: new Intl.ListFormat("en").format(names), count: names.length })}
    </p>
  );
}
