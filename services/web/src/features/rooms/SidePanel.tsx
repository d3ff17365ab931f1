import { X } from "lucide-react";
import { type ReactNode, useEffect, useRef } from "react";
import { t } from "~/i18n/t";
import { IconButton } from "~/ui/IconButton";

interface Props {
  title: string;
  onClose(): void;
  children: ReactNode;
}

/** Stands beside a room; on a phone, in its place. Escape closes it. */
export function SidePanel({ title, onClose, children }: Props) {
  const panel = useRef<HTMLElement>(null);
  useEffect(() => panel.current?.focus({ preventScroll: true }), []);
  return (
    <aside
      ref={panel}
      tabIndex={-1}
      aria-label={title}
      className="fixed inset-0 z-30 flex flex-col bg-ground outline-none md:static md:z-auto md:w-[min(400px,40%)] md:shrink-0 md:border-line md:border-l"
      onKeyDown={(event) => event.key === "Escape" && !event.defaultPrevented && onClose()}
    >
      <header className="flex h-14 shrink-0 items-center gap-2 border-line border-b pr-2 pl-5">
        <h2 className="min-w-0 flex-1 truncate font-semibold">{title}</h2>
        <IconButton icon={X} label={t("common.close")} onClick={onClose} />
      </header>
      {children}
    </aside>
  );
}
