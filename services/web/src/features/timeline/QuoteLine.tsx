import { CornerUpRight } from "lucide-react";
import { useApp } from "~/features/app/client-context";
import { excerpt } from "~/features/markdown/parse";
import { t } from "~/i18n/t";
import type { Quote, Seq } from "~/protocol/types";
import { messageAt } from "~/state/timeline";
import { useConversation } from "./conversation";
import { useTools } from "./tools";

/** What a message answers, in one line that leads there. */
export function QuoteLine({ replyTo, quote }: { replyTo: Seq; quote?: Pick<Quote, "username" | "content" | "type" | "isDeleted"> }) {
  const tools = useTools();
  const { roomId, thread } = useConversation();
  // An event does not carry its quote: it may be of a message above.
  const loaded = useApp((s) => {
    const window = quote ? undefined : s.chat.rooms[roomId]?.windows[thread];
    return window && messageAt(window, replyTo);
  });
  const shown = quote ?? loaded;
  const text = !shown ? t("message.earlier") : shown.isDeleted ? t("timeline.deleted") : excerpt(shown.content) || t("message.file");
  return (
    <button
      type="button"
      className="flex max-w-full items-center gap-1.5 text-left text-[13px] text-ink-soft leading-5 hover:text-ink"
      onClick={() => tools.goTo(replyTo)}
    >
      <CornerUpRight aria-hidden size={13} className="shrink-0" />
      {shown && <span className="shrink-0 font-medium">{shown.username}</span>}
      <span className="truncate">{text}</span>
    </button>
  );
}
