import { CircleAlert, Clock } from "lucide-react";
import { memo } from "react";
import { useApp, useClient } from "~/features/app/client-context";
import { Markdown } from "~/features/markdown/Markdown";
import { t } from "~/i18n/t";
import type { OutboxItem } from "~/outbox/outbox.client";
import { Avatar } from "~/ui/Avatar";
import { cx } from "~/ui/class-names";
import { timeOfDay } from "./dates";
import { QuoteLine } from "./QuoteLine";

/** A message that is still on its way, as it will look. */
export const UnsentRow = memo(function UnsentRow({ item, named }: { item: OutboxItem; named: boolean }) {
  const client = useClient();
  const user = useApp((s) => s.chat.me ?? s.user);
  const failed = item.state === "failed";
  return (
    <article className={cx("flex gap-3 px-3 md:px-5", named ? "pt-2 pb-[3px]" : "py-[3px]")}>
      <div className="w-9 shrink-0">{named && <Avatar id={item.userId} name={user?.username ?? ""} src={user?.avatar} />}</div>
      <div className="min-w-0 flex-1 [overflow-wrap:anywhere]">
        {named && (
          <header className="flex items-baseline gap-2 leading-5">
            <span className="truncate font-semibold">{user?.username}</span>
            <time className="shrink-0 text-ink-soft text-xs">{timeOfDay(item.createdAt)}</time>
          </header>
        )}
        {item.replyTo !== 0 && <QuoteLine replyTo={item.replyTo} />}
        <div className={failed ? "" : "text-ink-soft"}>
          {item.content !== "" ? <Markdown content={item.content} /> : <p>{t("message.file")}</p>}
        </div>
        {failed && (
          <p className="flex flex-wrap gap-x-3 text-[13px]">
            <span className="text-danger">
              {t("timeline.failed")}: {item.failure}
            </span>
            <button type="button" className="font-medium text-accent-ink hover:underline" onClick={() => void client.retry(item.nonce)}>
              {t("common.retry")}
            </button>
            <button type="button" className="font-medium text-accent-ink hover:underline" onClick={() => void client.discard(item.nonce)}>
              {t("timeline.discard")}
            </button>
          </p>
        )}
      </div>
      <span
        role="img"
        aria-label={t(`timeline.${item.state}`)}
        title={t(`timeline.${item.state}`)}
        className={cx("self-end pb-0.5", failed ? "text-danger" : "text-ink-soft")}
      >
        {failed ? <CircleAlert aria-hidden size={15} /> : <Clock aria-hidden size={13} />}
      </span>
    </article>
  );
});
