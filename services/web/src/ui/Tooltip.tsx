import { Tooltip as Radix } from "radix-ui";
import type { ReactNode } from "react";

/** Around the whole app, once. */
export const TooltipProvider = ({ children }: { children: ReactNode }) => <Radix.Provider delayDuration={450}>{children}</Radix.Provider>;

/** Says what its child does. The child takes a ref and has a name of its own. */
export function Tooltip({ text, children }: { text: ReactNode; children: ReactNode }) {
  return (
    <Radix.Root>
      <Radix.Trigger asChild>{children}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content sideOffset={6} className="z-50 max-w-64 rounded-md bg-ink px-2 py-1 text-ground text-xs shadow-float">
          {text}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
