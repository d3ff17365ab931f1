import { useApp } from "~/features/app/client-context";
import { t } from "~/i18n/t";
import type { Seq, Thread } from "~/protocol/types";
import { Avatar } from "~/ui/Avatar";
import { shortTime } from "./dates";
import { useTools } from "./tools";

/** How much a message was answered in its thread; it leads there. */
export function ThreadLink({ seq, replies }: { seq: Seq; replies: Thread }) {
  const tools = useTools();
  const last = useApp((s) => s.chat.people[replies.lastUserId]);
  return (
    <button
      type="button"
      className="mt-1 mb-0.5 -ml-1.5 flex max-w-full items-center gap-2 rounded-lg px-1.5 py-0.5 text-[13px] hover:bg-hover"
      onClick={() => tools.openThread(seq)}
    >
      {last && <Avatar id={last.id} name={last.username} src={last.avatar} size={20} />}
      <span className="font-medium text-accent-ink">{t("thread.replies", { count: replies.count })}</span>
      {replies.lastAt && (
        <span className="truncate text-ink-soft">{t("thread.lastAt", { time: shortTime(replies.lastAt, Date.now()) })}</span>
      )}
    </button>
  );
}
