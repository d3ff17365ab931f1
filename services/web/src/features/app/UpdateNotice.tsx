import { RefreshCw } from "lucide-react";
import { useEffect, useState } from "react";
import { t } from "~/i18n/t";
import { Button } from "~/ui/Button";
import { followUpdates } from "./updates.client";

/** Says that the server has a newer client than the one on the screen. Nobody is interrupted: they reload when they like. */
export default function UpdateNotice() {
  const [updated, setUpdated] = useState(false);
  useEffect(() => followUpdates(() => setUpdated(true)), []);
  return (
    <div role="status" className="pointer-events-none fixed inset-x-0 bottom-4 z-50 flex justify-center px-4">
      {updated && (
        <div className="pointer-events-auto flex flex-wrap items-center gap-2.5 rounded-xl border border-line bg-raised py-1.5 pr-1.5 pl-3.5 shadow-float">
          <RefreshCw aria-hidden size={16} className="shrink-0 text-accent-ink" />
          <span>{t("app.updated")}</span>
          <Button kind="primary" className="h-8" onClick={() => location.reload()}>
            {t("app.reload")}
          </Button>
          <Button kind="quiet" className="h-8" onClick={() => setUpdated(false)}>
            {t("app.later")}
          </Button>
        </div>
      )}
    </div>
  );
}
