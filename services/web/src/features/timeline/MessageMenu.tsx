import { DropdownMenu as Radix } from "radix-ui";
import { Fragment } from "react";
import { t } from "~/i18n/t";
import type { Message } from "~/protocol/types";
import { cx } from "~/ui/class-names";
import { quickEmoji } from "./quick-emoji";
import type { Tools } from "./tools";

interface Props {
  message: Message;
  /** Where it opens, in pixels of the window. */
  x: number;
  y: number;
  tools: Tools;
  onClose(): void;
}

/** Everything that can be done with a message. */
export default function MessageMenu({ message, x, y, tools, onClose }: Props) {
  return (
    <Radix.Root open modal onOpenChange={(open) => !open && onClose()}>
      <Radix.Trigger asChild>
        <span aria-hidden className="pointer-events-none fixed size-0" style={{ left: x, top: y }} />
      </Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          align="start"
          sideOffset={2}
          collisionPadding={8}
          aria-label={t("message.menu")}
          className="z-50 min-w-60 rounded-xl border border-line bg-raised p-1 shadow-float"
          onCloseAutoFocus={(event) => event.preventDefault()}
        >
          {tools.canReact(message) && (
            <div className="flex justify-between border-line border-b px-1 pt-0.5 pb-1.5">
              {quickEmoji.map((emoji) => (
                <Radix.Item
                  key={emoji}
                  aria-label={t("message.react", { emoji })}
                  onSelect={() => tools.react(message, emoji)}
                  className="flex size-9 cursor-pointer items-center justify-center rounded-lg text-xl outline-none data-highlighted:bg-hover"
                >
                  {emoji}
                </Radix.Item>
              ))}
            </div>
          )}
          {tools.actions(message).map(({ id, icon: Icon, label, key, danger, run }) => (
            <Fragment key={id}>
              {danger && <Radix.Separator className="my-1 h-px bg-line" />}
              <Radix.Item
                onSelect={run}
                className={cx(
                  "flex cursor-pointer select-none items-center gap-2.5 rounded-lg px-2.5 py-2 outline-none data-highlighted:bg-hover md:py-1.5",
                  danger && "text-danger",
                )}
              >
                <Icon aria-hidden size={16} className={danger ? "" : "text-ink-soft"} />
                <span className="flex-1">{label}</span>
                {key && <kbd className="hidden font-sans text-ink-soft text-xs uppercase md:inline">{key === "Delete" ? "Del" : key}</kbd>}
              </Radix.Item>
            </Fragment>
          ))}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
