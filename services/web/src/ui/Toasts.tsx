import { CircleAlert, Info, X } from "lucide-react";
import { t } from "~/i18n/t";
import type { Toast } from "~/state/store";
import { IconButton } from "./IconButton";

/** What has just happened, at the foot of the screen; screen readers say it. */
export function Toasts({ toasts, onDismiss }: { toasts: readonly Toast[]; onDismiss(id: number): void }) {
  return (
    <div role="status" className="pointer-events-none fixed inset-x-0 bottom-4 z-50 flex flex-col items-center gap-2 px-4">
      {toasts.map(({ id, kind, text }) => (
        <div
          key={id}
          className="pointer-events-auto flex max-w-md items-center gap-2.5 rounded-xl border border-line bg-raised py-1.5 pr-1.5 pl-3.5 shadow-float"
        >
          {kind === "error" ? (
            <CircleAlert aria-hidden size={17} className="shrink-0 text-danger" />
          ) : (
            <Info aria-hidden size={17} className="shrink-0 text-accent-ink" />
          )}
          <span className="min-w-0 flex-1">{text}</span>
          <IconButton icon={X} label={t("common.close")} size="small" onClick={() => onDismiss(id)} />
        </div>
      ))}
    </div>
  );
}
