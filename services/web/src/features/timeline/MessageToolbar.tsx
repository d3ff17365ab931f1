import { MoreHorizontal, SmilePlus } from "lucide-react";
import { EmojiPopover } from "~/features/emoji/EmojiPopover";
import { t } from "~/i18n/t";
import type { Message } from "~/protocol/types";
import { IconButton } from "~/ui/IconButton";
import { quickEmoji } from "./quick-emoji";
import { useTools } from "./tools";

/** What is done most, above the corner of a message that the pointer or the focus is on. */
export default function MessageToolbar({ message, onBusy }: { message: Message; onBusy(busy: boolean): void }) {
  const tools = useTools();
  const actions = tools.actions(message).filter(({ id }) => id === "reply" || id === "thread" || id === "edit");
  return (
    <div
      role="toolbar"
      aria-label={t("message.actions")}
      className="absolute -top-4 right-3 z-10 hidden rounded-lg border border-line bg-raised p-0.5 shadow-sm md:right-5 md:flex"
    >
      {tools.canReact(message) && (
        <>
          {quickEmoji.slice(0, 3).map((emoji) => (
            <button
              key={emoji}
              type="button"
              aria-label={t("message.react", { emoji })}
              className="size-7 rounded-md text-base leading-none hover:bg-hover"
              onClick={() => tools.react(message, emoji)}
            >
              {emoji}
            </button>
          ))}
          <EmojiPopover
            trigger={<IconButton icon={SmilePlus} label={t("message.addReaction")} size="small" />}
            onOpenChange={onBusy}
            onPick={(emoji) => tools.react(message, emoji)}
          />
        </>
      )}
      {actions.map(({ id, icon, label, run }) => (
        <IconButton key={id} icon={icon} label={label} size="small" onClick={run} />
      ))}
      <IconButton
        icon={MoreHorizontal}
        label={t("message.more")}
        size="small"
        aria-haspopup="menu"
        onClick={(event) => {
          const { left, bottom } = event.currentTarget.getBoundingClientRect();
          tools.openMenu(message, left, bottom);
        }}
      />
    </div>
  );
}
