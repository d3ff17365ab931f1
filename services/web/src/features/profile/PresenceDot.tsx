import { t } from "~/i18n/t";
import type { Presence } from "~/protocol/types";
import { cx } from "~/ui/class-names";

/** A dot beside somebody: filled when they are there. Its name says the same. */
export function PresenceDot({ presence, className }: { presence: Presence | undefined; className?: string }) {
  if (!presence) return null;
  const state = presence.online ? (presence.away ? "away" : "online") : "offline";
  return (
    <span
      role="img"
      aria-label={t(`presence.${state}`)}
      className={cx(
        "inline-block size-2.5 shrink-0 rounded-full border-2",
        state === "online" && "border-ok bg-ok",
        state === "away" && "border-warn",
        state === "offline" && "border-line-strong",
        className,
      )}
    />
  );
}
