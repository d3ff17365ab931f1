import { type ComponentProps, type ReactNode, useId } from "react";
import { cx } from "./class-names";

interface Props extends Omit<ComponentProps<"input">, "id"> {
  label: string;
  hint?: ReactNode;
  /** What is wrong with what stands there; empty: nothing. */
  error?: string;
}

export function TextField({ label, hint, error, className, ...rest }: Props) {
  const id = useId();
  const note = error || hint;
  return (
    <div className={cx("flex flex-col gap-1.5", className)}>
      <label htmlFor={id} className="font-medium">
        {label}
      </label>
      <input
        id={id}
        aria-invalid={error ? true : undefined}
        aria-describedby={note ? `${id}-note` : undefined}
        className={cx(
          "h-10 w-full rounded-lg border bg-ground px-3 outline-none placeholder:text-ink-soft focus:border-accent-ink focus:ring-2 focus:ring-selected",
          error ? "border-danger" : "border-line-strong",
        )}
        {...rest}
      />
      {note && (
        <p id={`${id}-note`} className={cx("text-[13px]", error ? "text-danger" : "text-ink-soft")}>
          {note}
        </p>
      )}
    </div>
  );
}
