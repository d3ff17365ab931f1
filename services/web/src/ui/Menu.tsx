import type { LucideIcon } from "lucide-react";
import { DropdownMenu as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { cx } from "./class-names";

interface Props {
  /** A button; it opens the menu. */
  trigger: ReactNode;
  children: ReactNode;
  align?: "start" | "end";
  side?: "top" | "bottom";
}

export function Menu({ trigger, children, align = "start", side = "bottom" }: Props) {
  return (
    <Radix.Root>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          align={align}
          side={side}
          sideOffset={6}
          collisionPadding={8}
          className="z-50 min-w-48 rounded-xl border border-line bg-raised p-1 shadow-float"
        >
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

interface ItemProps {
  icon?: LucideIcon;
  children: ReactNode;
  onSelect(): void;
  danger?: boolean;
  disabled?: boolean;
}

export function MenuItem({ icon: Icon, children, onSelect, danger = false, disabled = false }: ItemProps) {
  return (
    <Radix.Item
      disabled={disabled}
      onSelect={onSelect}
      className={cx(
        "flex cursor-pointer select-none items-center gap-2.5 rounded-lg px-2.5 py-1.5 outline-none data-disabled:opacity-50 data-highlighted:bg-hover",
        danger && "text-danger",
      )}
    >
      {Icon && <Icon aria-hidden size={16} className={danger ? "" : "text-ink-soft"} />}
      {children}
    </Radix.Item>
  );
}

export const MenuSeparator = () => <Radix.Separator className="my-1 h-px bg-line" />;
