import type { ComponentProps } from "react";
import { cx } from "./class-names";
import { Spinner } from "./Spinner";

export type ButtonKind = "primary" | "plain" | "quiet" | "danger";

const kinds: Record<ButtonKind, string> = {
  primary: "bg-accent text-on-accent hover:bg-accent-hover",
  plain: "border border-line bg-raised hover:bg-hover",
  quiet: "text-ink-soft hover:bg-hover hover:text-ink",
  danger: "border border-line text-danger hover:bg-danger-soft",
};

interface Props extends ComponentProps<"button"> {
  kind?: ButtonKind;
  /** Something is under way: it cannot be pressed again. */
  busy?: boolean;
}

export function Button({ kind = "plain", busy = false, className, children, disabled, type = "button", ...rest }: Props) {
  return (
    <button
      type={type}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      className={cx(
        "inline-flex h-9 shrink-0 select-none items-center justify-center gap-2 rounded-lg px-3.5 font-medium transition-colors disabled:opacity-55",
        kinds[kind],
        className,
      )}
      {...rest}
    >
      {busy && <Spinner />}
      {children}
    </button>
  );
}
