import { CornerUpLeft, X } from "lucide-react";
import { t } from "~/i18n/t";
import type { Message } from "~/protocol/types";
import { IconButton } from "~/ui/IconButton";

/** What the next message answers. */
export const ReplyPreview = ({ message, onCancel }: { message: Message; onCancel(): void }) => (
  <div className="flex items-center gap-2 border-line border-b py-1 pr-1 pl-3 text-[13px] text-ink-soft">
    <CornerUpLeft aria-hidden size={15} className="shrink-0 text-accent-ink" />
    <span className="shrink-0">{t("composer.replyTo", { name: message.username })}</span>
    <span className="min-w-0 flex-1 truncate">{message.content || message.file?.name}</span>
    <IconButton icon={X} label={t("composer.cancelReply")} size="small" onClick={onCancel} />
  </div>
);
