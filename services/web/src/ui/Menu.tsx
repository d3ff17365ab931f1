import { Check, type LucideIcon } from "lucide-react";
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

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  options: readonly { value: T; label: string }[];
  onChange(value: T): void;
}

/** One of several, in a menu. */
export function MenuChoice<T extends string>({ label, value, options, onChange }: ChoiceProps<T>) {
  return (
    <Radix.RadioGroup value={value} onValueChange={(next) => onChange(next as T)} aria-label={label}>
      <Radix.Label className="px-2.5 pt-1.5 pb-0.5 text-ink-soft text-xs">{label}</Radix.Label>
      {options.map((option) => (
        <Radix.RadioItem
          key={option.value}
          value={option.value}
          className="flex cursor-pointer select-none items-center gap-2.5 rounded-lg py-1.5 pr-2.5 pl-8 outline-none data-highlighted:bg-hover"
        >
          <Radix.ItemIndicator className="-ml-6 w-4 text-accent-ink">
            <Check aria-hidden size={16} />
          </Radix.ItemIndicator>
          {option.label}
        </Radix.RadioItem>
      ))}
    </Radix.RadioGroup>
  );
}
