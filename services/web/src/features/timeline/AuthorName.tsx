import { lazy, Suspense, useRef, useState } from "react";
import { applyEdit } from "~/features/composer/apply-edit.client";
import { userRef } from "~/protocol/decode";
import type { Message, UserRef } from "~/protocol/types";
import { useConversation } from "./conversation";

const ProfilePopover = lazy(() => import("~/features/profile/ProfilePopover"));

/** Who wrote a message: leads to who that is. The name is a stop of the Tab key where its message is one. */
export function AuthorName({ message: m, focusable }: { message: Message; focusable: boolean }) {
  const { input } = useConversation();
  const button = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState(false);
  const mention = ({ username }: UserRef) => {
    const field = input.current;
    if (!field) return;
    const { selectionStart: from, selectionEnd: to, value } = field;
    const insert = `${from > 0 && !/\s/.test(value[from - 1] ?? "") ? " " : ""}@${username} `;
    const end = from + insert.length;
    applyEdit(field, { from, to, insert, start: end, end });
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        tabIndex={focusable ? 0 : -1}
        aria-haspopup="dialog"
        aria-expanded={open}
        className="truncate rounded font-semibold hover:underline"
        onClick={() => setOpen(true)}
      >
        {m.username}
      </button>
      <Suspense>
        {open && (
          <ProfilePopover
            user={userRef({ id: m.userId, username: m.username, avatar: m.avatar })}
            anchor={button}
            onMention={mention}
            onClose={() => setOpen(false)}
          />
        )}
      </Suspense>
    </>
  );
}
