import { Link } from "@tanstack/react-router";
import { FileText, MessagesSquare } from "lucide-react";
import type { ReactNode } from "react";
import { t } from "~/i18n/t";
import type { Message, Seq } from "~/protocol/types";
import { Avatar } from "~/ui/Avatar";
import { excerpt } from "./query";

const times = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

interface Props {
  message: Message;
  highlights?: readonly { offset?: number; length?: number }[];
  /** The thread to open beside the room; it is the message's own unless said. */
  thread?: Seq;
  children?: ReactNode;
}

/** A message out of its conversation: it leads there. */
export function MessageCard({ message: m, highlights = [], thread = m.thread, children }: Props) {
  return (
    <Link
      to="/rooms/$roomId"
      params={{ roomId: m.roomId }}
      search={thread === m.seq ? { thread } : { at: m.seq, ...(thread !== 0 && { thread }) }}
      className="flex gap-3 rounded-xl px-3 py-2.5 hover:bg-hover"
    >
      <Avatar id={m.userId} name={m.username} src={m.avatar} size={34} />
      <div className="min-w-0 flex-1">
        <p className="flex items-baseline gap-2">
          <span className="truncate font-semibold">{m.username}</span>
          <time dateTime={m.createdAt} className="shrink-0 text-ink-soft text-xs">
            {times.format(new Date(m.createdAt))}
          </time>
          {m.thread !== 0 && (
            <span className="flex shrink-0 items-center gap-1 text-ink-soft text-xs">
              <MessagesSquare aria-hidden size={12} />
              {t("search.inThread")}
            </span>
          )}
        </p>
        {m.isDeleted ? (
          <p className="text-ink-soft italic">{t("timeline.deleted")}</p>
        ) : (
          <p className="whitespace-pre-wrap break-words">
            {excerpt(m.content, highlights).map(({ text, marked }, i) =>
              marked ? (
                // biome-ignore lint/suspicious/noArrayIndexKey: parts of one text
                <mark key={i} className="rounded-sm bg-highlight px-px text-inherit">
                  {text}
                </mark>
              ) : (
                text
              ),
            )}
          </p>
        )}
        {m.type !== "text" && !m.isDeleted && (
          <p className="mt-0.5 flex items-center gap-1.5 text-[13px] text-ink-soft">
            <FileText aria-hidden size={14} />
            {m.file?.name ?? m.fileUrl}
          </p>
        )}
        {children}
      </div>
    </Link>
  );
}
