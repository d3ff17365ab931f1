import { type ReactNode, useId } from "react";

interface Props {
  title: string;
  hint?: string;
  /** What can be done about all of it: a button. */
  action?: ReactNode;
  children?: ReactNode;
}

/** A part of a page of settings, with its heading. */
export function Group({ title, hint, action, children }: Props) {
  const id = useId();
  return (
    <section aria-labelledby={id} className="mb-6 rounded-xl border border-line bg-raised p-4 md:p-5">
      <div className="flex flex-wrap items-start gap-3">
        <div className="min-w-48 flex-1">
          <h2 id={id} className="font-semibold">
            {title}
          </h2>
          {hint && <p className="text-[13px] text-ink-soft">{hint}</p>}
        </div>
        {action}
      </div>
      {children && <div className="mt-4 flex flex-col gap-4">{children}</div>}
    </section>
  );
}

/** A line of a list within a group. */
export const Row = ({ children }: { children: ReactNode }) => (
  <li className="flex min-h-12 flex-wrap items-center gap-x-3 gap-y-1 border-line border-t py-2 first:border-t-0">{children}</li>
);
