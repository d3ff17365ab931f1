import { cx } from "./class-names";

/** A count: more than 99 is "99+". `label` is what it says to screen readers. */
export function Badge({ count, label, strong = false }: { count: number; label: string; strong?: boolean }) {
  if (count <= 0) return null;
  return (
    <span
      className={cx(
        "inline-flex h-5 min-w-5 shrink-0 items-center justify-center rounded-full px-1.5 font-semibold text-xs tabular-nums",
        strong ? "bg-accent text-on-accent" : "bg-selected text-accent-ink",
      )}
    >
      <span aria-hidden>{count > 99 ? "99+" : count}</span>
      <span className="sr-only">{label}</span>
    </span>
  );
}
