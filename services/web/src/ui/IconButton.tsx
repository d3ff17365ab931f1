import type { LucideIcon } from "lucide-react";
import type { ComponentProps } from "react";
import { cx } from "./class-names";
import { Tooltip } from "./Tooltip";

interface Props extends Omit<ComponentProps<"button">, "children"> {
  icon: LucideIcon;
  /** What it does: its name for screen readers, and its tooltip. */
  label: string;
  size?: "normal" | "small";
}

export function IconButton({ icon: Icon, label, size = "normal", className, type = "button", ...rest }: Props) {
  return (
    <Tooltip text={label}>
      <button
        type={type}
        aria-label={label}
        className={cx(
          "inline-flex shrink-0 items-center justify-center rounded-lg text-ink-soft transition-colors hover:bg-hover hover:text-ink disabled:opacity-50",
          size === "small" ? "size-7" : "size-9",
          className,
        )}
        {...rest}
      >
        <Icon aria-hidden size={size === "small" ? 16 : 18} strokeWidth={1.9} />
      </button>
    </Tooltip>
  );
}
