import { Popover } from "radix-ui";
import type { RefObject } from "react";
import { t } from "~/i18n/all";
import type { UserRef } from "~/protocol/types";
import ProfileCard from "./ProfileCard";

interface Props {
  user: UserRef;
  /** What it belongs to: a name, or a picture. */
  anchor: RefObject<HTMLElement | null>;
  /** Puts a mention of them into the composer, where there is one. */
  onMention?(user: UserRef): void;
  onClose(): void;
}

/** Beside somebody's name or picture: who they are, and what one can do about it. It is open as long as it is rendered. */
export default function ProfilePopover({ user, anchor, onMention, onClose }: Props) {
  return (
    <Popover.Root open onOpenChange={(open) => !open && onClose()}>
      <Popover.Anchor virtualRef={anchor as RefObject<HTMLElement>} />
      <Popover.Portal>
        <Popover.Content
          aria-label={t("profile.card", { name: user.username })}
          align="start"
          side="right"
          sideOffset={8}
          collisionPadding={12}
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            anchor.current?.focus();
          }}
          className="z-50 w-72 rounded-xl border border-line bg-raised shadow-float outline-none"
        >
          <ProfileCard user={user} onMention={onMention} onClose={onClose} />
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
