import { Popover } from "radix-ui";
import { lazy, type ReactNode, Suspense, useState } from "react";
import { Spinner } from "~/ui/Spinner";

const EmojiPicker = lazy(() => import("./EmojiPicker"));

interface Props {
  /** A button; it opens the picker. */
  trigger: ReactNode;
  onPick(emoji: string): void;
  align?: "start" | "end";
  /** Told when it opens and closes: for what must stay on screen meanwhile. */
  onOpenChange?(open: boolean): void;
  /** Gets the focus after one was picked; without it the trigger does. */
  focusAfter?(): void;
}

/** A button that opens the emoji picker, which is loaded then. */
export function EmojiPopover({ trigger, onPick, align = "end", onOpenChange, focusAfter }: Props) {
  const [open, setOpen] = useState(false);
  const change = (next: boolean) => {
    setOpen(next);
    onOpenChange?.(next);
  };
  return (
    <Popover.Root open={open} onOpenChange={change}>
      <Popover.Trigger asChild>{trigger}</Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          align={align}
          side="top"
          sideOffset={6}
          collisionPadding={8}
          className="z-50 max-w-[calc(100vw-16px)] overflow-hidden rounded-xl border border-line bg-raised shadow-float outline-none"
          onCloseAutoFocus={(event) => {
            if (!focusAfter) return;
            event.preventDefault();
            focusAfter();
          }}
        >
          <Suspense
            fallback={
              <div className="flex h-[360px] w-[336px] items-center justify-center text-ink-soft">
                <Spinner size={20} />
              </div>
            }
          >
            <EmojiPicker
              onPick={(emoji) => {
                change(false);
                onPick(emoji);
              }}
            />
          </Suspense>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
