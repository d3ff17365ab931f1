import type { ReactNode } from "react";
import { Attachment, type Picture } from "~/features/files/Attachment";
import { Markdown } from "~/features/markdown/Markdown";
import { t } from "~/i18n/t";
import type { Message } from "~/protocol/types";
import { Avatar } from "~/ui/Avatar";
import { shortTime } from "./dates";

interface Props {
  message: Message;
  /** Above it: where it stands, or who put it here. */
  note?: ReactNode;
  /** What can be done with it. */
  children?: ReactNode;
  onPicture(picture: Picture): void;
}

/** A message away from its timeline: in a list of pins, of what was saved. */
export function MessageCard({ message: m, note, children, onPicture }: Props) {
  return (
    <article className="rounded-xl border border-line bg-raised p-3">
      {note && <p className="mb-2 truncate text-ink-soft text-xs">{note}</p>}
      <div className="flex gap-3">
        <Avatar id={m.userId} name={m.username} src={m.avatar} size={32} />
        <div className="min-w-0 flex-1 [overflow-wrap:anywhere]">
          <header className="flex items-baseline gap-2 leading-5">
            <span className="truncate font-semibold">{m.username}</span>
            <time dateTime={m.createdAt} className="shrink-0 text-ink-soft text-xs">
              {shortTime(m.createdAt, Date.now())}
            </time>
          </header>
          {m.isDeleted ? (
            <p className="text-ink-soft italic">{t("timeline.deleted")}</p>
          ) : (
            <div className="max-h-72 overflow-y-auto">
              {m.content !== "" && <Markdown content={m.content} mentions={m.mentions} />}
              {m.fileUrl !== "" && <Attachment message={m} onOpen={onPicture} />}
            </div>
          )}
        </div>
      </div>
      {children && <footer className="mt-2 flex flex-wrap justify-end gap-1">{children}</footer>}
    </article>
  );
}
