import { X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { t } from "~/i18n/t";
import { cx } from "./class-names";
import { IconButton } from "./IconButton";

interface Props {
  open: boolean;
  onOpenChange(open: boolean): void;
  title: string;
  description?: string;
  children: ReactNode;
  /** Wider than a form needs. */
  wide?: boolean;
}

export function Dialog({ open, onOpenChange, title, description, children, wide = false }: Props) {
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-black/45" />
        <Radix.Content
          {...(!description && { "aria-describedby": undefined })}
          className={cx(
            "fixed z-40 flex max-h-[85dvh] flex-col overflow-hidden rounded-xl border border-line bg-raised shadow-float outline-none",
            "top-1/2 left-1/2 w-[calc(100vw-24px)] -translate-x-1/2 -translate-y-1/2",
            wide ? "max-w-2xl" : "max-w-md",
          )}
        >
          <header className="px-5 pt-4 pr-14">
            <Radix.Title className="font-semibold text-[17px]">{title}</Radix.Title>
            {description && <Radix.Description className="mt-1 text-ink-soft">{description}</Radix.Description>}
          </header>
          <div className="min-h-0 flex-1 overflow-y-auto px-5 pt-3 pb-5">{children}</div>
          {/* Last, so that what the dialog is for has the focus when it opens. */}
          <Radix.Close asChild>
            <IconButton icon={X} label={t("common.close")} size="small" className="absolute top-3.5 right-3.5" />
          </Radix.Close>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
