import { cx } from "./class-names";

export type PresenceKind = "online" | "away" | "offline";

/** Beside an avatar. It says in words what its colour does: give it the label. */
export const PresenceDot = ({ kind, label, className }: { kind: PresenceKind; label: string; className?: string }) => (
  <span
    role="img"
    aria-label={label}
    className={cx(
      "size-2.5 rounded-full border-2 border-side",
      kind === "online" ? "bg-ok" : kind === "away" ? "bg-warn" : "bg-line-strong",
      className,
    )}
  />
);
