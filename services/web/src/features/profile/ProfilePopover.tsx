import { Popover } from "radix-ui";
import { lazy, type ReactNode, Suspense, useState } from "react";
import { Loading } from "~/features/app/pages";
import type { UserRef } from "~/protocol/types";

const ProfileCard = lazy(() => import("./ProfileCard"));

interface Props {
  user: UserRef;
  /** A button: a name, or a picture. It opens the card. */
  children: ReactNode;
  /** Puts a mention of them into the composer, where there is one. */
  onMention?(user: UserRef): void;
}

/** Around somebody's name or picture: who they are, and what one can do about it. */
export function ProfilePopover({ user, children, onMention }: Props) {
  const [open, setOpen] = useState(false);
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger asChild>{children}</Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          align="start"
          side="right"
          sideOffset={8}
          collisionPadding={12}
          className="z-50 w-72 rounded-xl border border-line bg-raised shadow-float outline-none"
        >
          <Suspense fallback={<Loading />}>
            <ProfileCard user={user} onMention={onMention} onClose={() => setOpen(false)} />
          </Suspense>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
