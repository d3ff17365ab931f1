import { Pin } from "lucide-react";
import { type KeyboardEvent, lazy, memo, type PointerEvent, Suspense, useRef, useState } from "react";
import { Attachment } from "~/features/files/Attachment";
import { Markdown } from "~/features/markdown/Markdown";
import { t } from "~/i18n/t";
import type { Message } from "~/protocol/types";
import { Avatar } from "~/ui/Avatar";
import { cx } from "~/ui/class-names";
import { AuthorName } from "./AuthorName";
import { useConversation } from "./conversation";
import { exactTime, timeOfDay } from "./dates";
import { QuoteLine } from "./QuoteLine";
import { Reactions } from "./Reactions";
import { ReceiptMark } from "./ReceiptMark";
import { ThreadLink } from "./ThreadLink";
import { useTools } from "./tools";

const EditBox = lazy(() => import("./EditBox"));
const MessageToolbar = lazy(() => import("./MessageToolbar"));

interface Props {
  message: Message;
  /** It says who wrote it; otherwise that stands above. */
  named: boolean;
  /** Somebody was sent here. */
  marked?: boolean;
  /** The one that Tab reaches. */
  focusable?: boolean;
  /** The newest of the reader's own: it shows who has it. */
  isLastOwn?: boolean;
}

/** A touch this long opens the menu, in milliseconds. */
const longPress = 450;

export const MessageRow = memo(function MessageRow({ message: m, named, marked = false, focusable = false, isLastOwn = false }: Props) {
  const tools = useTools();
  const { editing } = useConversation();
  const isEditing = editing === m.seq;
  const [near, setNear] = useState(false);
  const [busy, setBusy] = useState(false);
  const pressing = useRef<ReturnType<typeof setTimeout>>(undefined);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    const action = tools.actions(m).find(({ key }) => key === event.key);
    if (!action) return;
    event.preventDefault();
    action.run();
  };
  const onPointerDown = (event: PointerEvent) => {
    if (event.pointerType !== "touch" || isEditing) return;
    const { clientX, clientY } = event;
    pressing.current = setTimeout(() => tools.openMenu(m, clientX, clientY), longPress);
  };
  const stopPressing = () => clearTimeout(pressing.current);

  return (
    <article
      // The arrow keys go from message to message; letters act on the focused one.
      tabIndex={focusable ? 0 : -1}
      data-seq={m.seq}
      aria-label={t("message.label", { name: m.username, time: timeOfDay(m.createdAt) })}
      className={cx(
        "group relative flex gap-3 px-3 md:px-5 -outline-offset-2 [-webkit-touch-callout:none] pointer-coarse:select-none",
        named ? "pt-2 pb-[3px]" : "py-[3px]",
        marked ? "bg-mention" : "hover:bg-hover",
      )}
      onKeyDown={onKeyDown}
      onPointerEnter={(event) => event.pointerType === "mouse" && setNear(true)}
      onPointerLeave={() => {
        setNear(false);
        stopPressing();
      }}
      onPointerDown={onPointerDown}
      onPointerUp={stopPressing}
      onPointerMove={(event) => event.pointerType === "touch" && Math.abs(event.movementY) > 3 && stopPressing()}
      onPointerCancel={stopPressing}
      onFocus={() => setNear(true)}
      onBlur={(event) => !event.currentTarget.contains(event.relatedTarget) && setNear(false)}
      onContextMenu={(event) => {
        const own = event.target instanceof Element && event.target.closest("a, img, textarea, pre");
        if (own || !getSelection()?.isCollapsed) return;
        event.preventDefault();
        stopPressing();
        const { left, top } = event.currentTarget.getBoundingClientRect();
        // Opened by the keyboard, it has no place of its own.
        tools.openMenu(m, event.clientX || left + 60, event.clientY || top + 20);
      }}
    >
      <div className="w-9 shrink-0">
        {named ? (
          <Avatar id={m.userId} name={m.username} src={m.avatar} />
        ) : (
          <time
            dateTime={m.createdAt}
            title={exactTime(m.createdAt)}
            className="block pt-0.5 text-right text-[11px] text-ink-soft leading-[18px] opacity-0 group-focus-within:opacity-100 group-hover:opacity-100"
          >
            {timeOfDay(m.createdAt)}
          </time>
        )}
      </div>
      <div className="min-w-0 flex-1">
        {named && (
          <header className="flex items-baseline gap-2 leading-5">
            <AuthorName message={m} focusable={focusable} />
            <time dateTime={m.createdAt} title={exactTime(m.createdAt)} className="shrink-0 text-ink-soft text-xs">
              {timeOfDay(m.createdAt)}
            </time>
          </header>
        )}
        {m.replyTo !== 0 && <QuoteLine replyTo={m.replyTo} quote={m.quote} />}
        {isEditing ? (
          <Suspense fallback={<MessageBody message={m} />}>
            <EditBox message={m} />
          </Suspense>
        ) : (
          <MessageBody message={m} />
        )}
        <Reactions message={m} />
        {m.replies && m.replies.count > 0 && <ThreadLink seq={m.seq} replies={m.replies} />}
      </div>
      {isLastOwn && <ReceiptMark message={m} />}
      {(near || busy) && !isEditing && (
        <Suspense>
          <MessageToolbar message={m} onBusy={setBusy} />
        </Suspense>
      )}
    </article>
  );
});

/** What a message says. */
export function MessageBody({ message: m }: { message: Message }) {
  const tools = useTools();
  if (m.isDeleted) return <p className="text-ink-soft italic">{t("timeline.deleted")}</p>;
  const marks = (m.isEdited || m.isPinned) && (
    <span className="ml-1.5 inline-flex items-center gap-1.5 whitespace-nowrap align-baseline text-ink-soft text-xs">
      {m.isEdited && <span title={m.editedAt && exactTime(m.editedAt)}>({t("timeline.edited")})</span>}
      {m.isPinned && <Pin role="img" aria-label={t("message.isPinned")} size={12} className="self-center" />}
    </span>
  );
  return (
    <div className="[overflow-wrap:anywhere]">
      {m.content !== "" ? <Markdown content={m.content} mentions={m.mentions} after={marks} /> : marks}
      {m.fileUrl !== "" && <Attachment message={m} onOpen={tools.showPicture} />}
    </div>
  );
}
