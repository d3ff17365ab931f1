import { useEffect, useState } from "react";
import { t } from "~/i18n/t";
import { useApp, useClient } from "./client-context";

/** A short break is nobody's business, in milliseconds. */
const patience = 1500;

/** Says calmly that there is no connection, once that has lasted. */
export function ConnectionBar() {
  const client = useClient();
  const link = useApp((s) => s.link);
  const live = link.status === "live";
  const [late, setLate] = useState(false);
  useEffect(() => {
    setLate(false);
    if (live) return;
    const timer = setTimeout(() => setLate(true), patience);
    return () => clearTimeout(timer);
  }, [live]);
  if (live || !late) return <div role="status" className="sr-only" />;
  const refused = link.refusal === "too_many" || link.refusal === "protocol" ? link.refusal : undefined;
  const text = refused
    ? t(`connection.${refused}`)
    : !navigator.onLine
      ? t("connection.offline")
      : link.status === "waiting"
        ? t("connection.waiting")
        : t("connection.connecting");
  return (
    <div
      role="status"
      className="flex items-center justify-center gap-3 border-line border-b bg-side px-4 py-1.5 text-[13px] text-ink-soft"
    >
      <span className="size-2 rounded-full bg-warn" />
      {text}
      {(link.status === "waiting" || refused) && (
        <button
          type="button"
          className="font-medium text-accent-ink hover:underline"
          onClick={() => (refused === "protocol" ? location.reload() : client.reconnect())}
        >
          {refused === "protocol" ? t("common.reload") : t("connection.now")}
        </button>
      )}
    </div>
  );
}
