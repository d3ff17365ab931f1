import { SendHorizontal } from "lucide-react";
import { type KeyboardEvent, useState } from "react";
import { useApp, useClient } from "~/features/app/client-context";
import { useConversation } from "~/features/timeline/conversation";
import { t } from "~/i18n/t";
import type { RoomId } from "~/protocol/types";
import { roomEntry, roomTitle } from "~/state/selectors";
import { IconButton } from "~/ui/IconButton";

/** Enter sends, Shift+Enter begins another line. */
export function Composer({ roomId }: { roomId: RoomId }) {
  const client = useClient();
  const [text, setText] = useState("");
  const { input } = useConversation();
  const room = useApp((s) => {
    const entry = roomEntry(roomId)(s);
    return entry ? roomTitle(entry, s.chat.me?.id) : "";
  });
  const send = () => {
    const content = text.trim();
    if (content === "") return;
    setText("");
    client.send({ roomId, content }).catch((error) => client.fail(error));
    input.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <form
      className="shrink-0 px-3 pb-3 md:px-5 md:pb-5"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div className="flex items-end gap-1 rounded-xl border border-line-strong bg-raised p-1 focus-within:border-accent-ink focus-within:ring-2 focus-within:ring-selected">
        <textarea
          ref={input}
          value={text}
          rows={1}
          aria-label={t("composer.label", { room })}
          placeholder={t("composer.placeholder", { room })}
          className="field-sizing-content max-h-48 min-h-9 min-w-0 flex-1 resize-none bg-transparent px-2.5 py-1.5 outline-none placeholder:text-ink-soft"
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
        />
        <IconButton
          icon={SendHorizontal}
          label={t("composer.send")}
          type="submit"
          disabled={text.trim() === ""}
          className="text-accent-ink"
        />
      </div>
    </form>
  );
}
