import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";

interface Props {
  icon: LucideIcon;
  title: string;
  text?: string;
  /** What one can do about it: a button. */
  action?: ReactNode;
  /** h1 where it is all there is on the page. */
  heading?: "h1" | "h2";
}

export function EmptyState({ icon: Icon, title, text, action, heading: Heading = "h2" }: Props) {
  return (
    <div className="flex h-full flex-col items-center justify-center gap-1 p-8 text-center">
      <div className="mb-3 flex size-14 items-center justify-center rounded-2xl bg-selected text-accent-ink">
        <Icon aria-hidden size={26} strokeWidth={1.7} />
      </div>
      <Heading className="font-semibold text-[17px]">{title}</Heading>
      {text && <p className="max-w-sm text-ink-soft">{text}</p>}
      {action && <div className="mt-4">{action}</div>}
    </div>
  );
}
