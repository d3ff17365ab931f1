import { type ComponentProps, useId } from "react";
import { cx } from "./class-names";

interface Props extends Omit<ComponentProps<"textarea">, "id"> {
  label: string;
  hint?: string;
  /** What is wrong with what stands there; empty: nothing. */
  error?: string;
}

export function TextArea({ label, hint, error, className, rows = 3, ...rest }: Props) {
  const id = useId();
  const note = error || hint;
  return (
    <div className={cx("flex flex-col gap-1.5", className)}>
      <label htmlFor={id} className="font-medium">
        {label}
      </label>
      <textarea
        id={id}
        rows={rows}
        aria-invalid={error ? true : undefined}
        aria-describedby={note ? `${id}-note` : undefined}
        className={cx(
          "w-full resize-y rounded-lg border bg-ground px-3 py-2 outline-none placeholder:text-ink-soft focus:border-accent-ink focus:ring-2 focus:ring-selected disabled:opacity-60",
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
