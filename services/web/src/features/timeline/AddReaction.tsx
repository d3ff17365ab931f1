import { SmilePlus } from "lucide-react";
import { EmojiPopover } from "~/features/emoji/EmojiPopover";
import { t } from "~/i18n/t";

/** Behind the reactions of a message: one more. */
export default function AddReaction({ onPick }: { onPick(emoji: string): void }) {
  return (
    <EmojiPopover
      align="start"
      trigger={
        <button
          type="button"
          aria-label={t("message.addReaction")}
          className="inline-flex h-6 items-center rounded-full border border-line bg-side px-2 text-ink-soft hover:border-line-strong"
        >
          <SmilePlus aria-hidden size={14} />
        </button>
      }
      onPick={onPick}
    />
  );
}
