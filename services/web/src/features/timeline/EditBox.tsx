import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { useClient } from "~/features/app/client-context";
import { MarkdownField } from "~/features/composer/MarkdownField";
import { t } from "~/i18n/t";
import type { Message } from "~/protocol/types";
import { Button } from "~/ui/Button";
import { useConversation } from "./conversation";
import { useTools } from "./tools";

/** A message being changed in its place. Enter saves, Escape leaves it as it was; made empty, it asks whether to delete it. */
export default function EditBox({ message }: { message: Message }) {
  const client = useClient();
  const tools = useTools();
  const { edit, input: composer } = useConversation();
  const [text, setText] = useState(message.content);
  const [busy, setBusy] = useState(false);
  const input = useRef<HTMLTextAreaElement>(null);

  useEffect(() => {
    const element = input.current;
    element?.focus();
    element?.setSelectionRange(element.value.length, element.value.length);
  }, []);

  const close = () => {
    edit(0);
    composer.current?.focus();
  };
  const save = async () => {
    if (busy) return;
    const content = text.trim();
    if (content === message.content) return close();
    if (content === "" && message.fileUrl === "") {
      edit(0);
      return tools.confirmDelete(message);
    }
    setBusy(true);
    try {
      await client.edit(message.roomId, message.seq, content);
      close();
    } catch (error) {
      client.fail(error);
      setBusy(false);
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    close();
  };
  return (
    <form
      className="my-1 flex flex-col gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <div className="relative">
        <MarkdownField
          roomId={message.roomId}
          value={text}
          onChange={setText}
          onSubmit={() => void save()}
          onKeyDown={onKeyDown}
          input={input}
          label={t("message.editLabel")}
          className="max-h-60 min-h-9 rounded-lg border border-line-strong bg-ground px-2.5 py-1.5 focus:border-accent-ink focus:ring-2 focus:ring-selected"
        />
      </div>
      <div className="flex items-center gap-2">
        <Button kind="primary" type="submit" busy={busy} className="h-8">
          {t("message.saveEdit")}
        </Button>
        <Button className="h-8" onClick={close}>
          {t("common.cancel")}
        </Button>
        <span className="hidden text-ink-soft text-xs md:inline">{t("message.editHint")}</span>
      </div>
    </form>
  );
}
