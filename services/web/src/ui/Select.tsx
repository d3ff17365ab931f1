import { ChevronDown } from "lucide-react";
import { type ComponentProps, useId } from "react";
import { cx } from "./class-names";

interface Props extends Omit<ComponentProps<"select">, "id" | "children"> {
  label: string;
  options: readonly { value: string; text: string }[];
  /** The label is for screen readers only: what it is about stands beside it. */
  bare?: boolean;
}

/** The system's own list of choices, which every device knows how to show. */
export function Select({ label, options, bare = false, className, ...rest }: Props) {
  const id = useId();
  return (
    <div className={cx("flex flex-col gap-1.5", className)}>
      <label htmlFor={id} className={bare ? "sr-only" : "font-medium"}>
        {label}
      </label>
      <div className="relative">
        <select
          id={id}
          className={cx(
            "w-full appearance-none rounded-lg border border-line-strong bg-ground pr-8 pl-3 outline-none focus:border-accent-ink focus:ring-2 focus:ring-selected disabled:opacity-60",
            bare ? "h-9" : "h-10",
          )}
          {...rest}
        >
          {options.map(({ value, text }) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
        <ChevronDown aria-hidden size={16} className="pointer-events-none absolute inset-y-0 right-2.5 my-auto text-ink-soft" />
      </div>
    </div>
  );
}
