import { memo } from "react";
import { useApp, useClient } from "~/features/app/client-context";
import { t } from "~/i18n/t";
import type { OutboxItem } from "~/outbox/outbox.client";
import type { Message, Notice } from "~/protocol/types";
import { Avatar } from "~/ui/Avatar";
import { timeOfDay } from "./dates";

export const MessageRow = memo(function MessageRow({ message: m }: { message: Message }) {
  return (
    <article className="flex gap-3 px-5 py-1.5 hover:bg-hover">
      <Avatar id={m.userId} name={m.username} src={m.avatar} />
      <div className="min-w-0 flex-1">
        <header className="flex items-baseline gap-2">
          <span className="font-semibold">{m.username}</span>
          <time dateTime={m.createdAt} className="text-ink-soft text-xs">
            {timeOfDay(m.createdAt)}
          </time>
        </header>
        {m.isDeleted ? (
          <p className="text-ink-soft italic">{t("timeline.deleted")}</p>
        ) : (
          <p className="whitespace-pre-wrap break-words">
            {m.content}
            {m.isEdited && <span className="ml-1.5 text-ink-soft text-xs">({t("timeline.edited")})</span>}
          </p>
        )}
      </div>
    </article>
  );
});

const kinds = { joined: "timeline.joined", left: "timeline.left", kicked: "timeline.kicked", banned: "timeline.banned" } as const;

export const NoticeRow = memo(function NoticeRow({ notice: n }: { notice: Notice }) {
  const name = n.users.map((u) => u.username).join(", ");
  const text =
    n.kind === "role"
      ? t("timeline.role", { name, role: n.role })
      : n.kind in kinds
        ? t(kinds[n.kind as keyof typeof kinds], { name })
        : t("timeline.changed", { name: n.actor.username });
  return <p className="px-5 py-1 pl-[68px] text-[13px] text-ink-soft">{text}</p>;
});

/** A message that is still on its way. */
export function UnsentRow({ item }: { item: OutboxItem }) {
  const client = useClient();
  const user = useApp((s) => s.user);
  return (
    <article className="flex gap-3 px-5 py-1.5">
      <Avatar id={item.userId} name={user?.username ?? ""} src={user?.avatar ?? ""} />
      <div className="min-w-0 flex-1">
        <header className="flex items-baseline gap-2">
          <span className="font-semibold">{user?.username}</span>
          <span className={item.state === "failed" ? "text-danger text-xs" : "text-ink-soft text-xs"}>{t(`timeline.${item.state}`)}</span>
        </header>
        <p className="whitespace-pre-wrap break-words text-ink-soft">{item.content}</p>
        {item.state === "failed" && (
          <p className="flex gap-3 text-[13px]">
            <span className="text-danger">{item.failure}</span>
            <button type="button" className="font-medium text-accent-ink hover:underline" onClick={() => client.retry(item.nonce)}>
              {t("common.retry")}
            </button>
            <button type="button" className="font-medium text-accent-ink hover:underline" onClick={() => client.discard(item.nonce)}>
              {t("timeline.discard")}
            </button>
          </p>
        )}
      </div>
    </article>
  );
}
