import { Paperclip, SendHorizontal, Smile } from "lucide-react";
import { type KeyboardEvent, useEffect, useId, useRef } from "react";
import { useStore } from "zustand";
import { useShallow } from "zustand/react/shallow";
import { useApp, useClient } from "~/features/app/client-context";
import { EmojiPopover } from "~/features/emoji/EmojiPopover";
import { useConversation } from "~/features/timeline/conversation";
import { t } from "~/i18n/t";
import { maxContentBytes } from "~/protocol/limits";
import { roomEntry, roomTitle } from "~/state/selectors";
import { cx } from "~/ui/class-names";
import { IconButton } from "~/ui/IconButton";
import { Attachments } from "./Attachments";
import { applyEdit } from "./apply-edit.client";
import { FormatBar } from "./FormatBar";
import { MarkdownField } from "./MarkdownField";
import { bytesOf } from "./markdown";
import { ReplyPreview } from "./ReplyPreview";
import { useDraft } from "./use-draft";

/** From here on it says how much room is left, in bytes. */
const nearlyFull = 500;
/** Others are told once per this time that somebody goes on typing, in milliseconds. */
const typingEvery = 3000;

/** Where one writes. `wait`: how long slow mode makes one, in milliseconds. */
export default function ComposerForm({ wait }: { wait: number }) {
  const client = useClient();
  const { roomId, thread, replyTo, setReplyTo, editLast, input } = useConversation();
  const [text, setText] = useDraft(roomId, thread);
  const uploads = useStore(
    client.uploads.store,
    useShallow((all) => all.filter((u) => u.roomId === roomId && u.thread === thread)),
  );
  const room = useApp((s) => {
    const entry = roomEntry(roomId)(s);
    return entry ? roomTitle(entry, s.chat.me?.id) : "";
  });
  const noteId = useId();
  const files = useRef<HTMLInputElement>(null);
  const tell = useTyping();

  const left = maxContentBytes - bytesOf(text.trim());
  const uploading = uploads.some((u) => !u.file && !u.failure);
  const ready = uploads.some((u) => u.file);
  const maySend = (text.trim() !== "" || ready) && !uploading && left >= 0 && wait === 0;
  const note =
    left < 0
      ? t("composer.tooLong", { count: -left })
      : wait > 0
        ? t("composer.wait", { count: Math.ceil(wait / 1000) })
        : left < nearlyFull
          ? t("composer.left", { count: left })
          : "";

  // Whoever opens a conversation on a desktop means to write; on a phone the keyboard would cover it.
  useEffect(() => {
    if (matchMedia("(min-width: 768px)").matches) input.current?.focus();
  }, [input]);

  const send = () => {
    if (!maySend) return;
    const content = text.trim();
    const attached = client.uploads.take(roomId, thread);
    const [first = { type: "text" as const, fileUrl: "" }, ...others] = attached;
    const failed = (error: unknown) => client.fail(error);
    client.send({ roomId, thread, content, replyTo: replyTo?.seq ?? 0, ...first }).catch(failed);
    for (const other of others) client.send({ roomId, thread, content: "", ...other }).catch(failed);
    setText("");
    if (thread === 0) tell(false);
    if (replyTo) setReplyTo(undefined);
    input.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    const plain = !event.shiftKey && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (event.key === "ArrowUp" && plain && text === "" && editLast()) event.preventDefault();
    if (event.key === "Escape" && replyTo) {
      event.stopPropagation();
      setReplyTo(undefined);
    }
  };
  const insert = (what: string) => {
    const field = input.current;
    if (!field) return;
    const end = field.selectionStart + what.length;
    applyEdit(field, { from: field.selectionStart, to: field.selectionEnd, insert: what, start: end, end });
  };
  return (
    <form
      className="shrink-0 px-3 pb-3 md:px-5 md:pb-4"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div
        className={cx(
          "relative rounded-xl border bg-raised focus-within:ring-2 focus-within:ring-selected",
          left < 0 ? "border-danger" : "border-line-strong focus-within:border-accent-ink",
        )}
      >
        {replyTo && <ReplyPreview message={replyTo} onCancel={() => setReplyTo(undefined)} />}
        {uploads.length > 0 && <Attachments uploads={uploads} />}
        <MarkdownField
          roomId={roomId}
          value={text}
          onChange={(next) => {
            setText(next);
            if (thread === 0) tell(next.trim() !== "");
          }}
          onSubmit={send}
          onKeyDown={onKeyDown}
          onFiles={(list) => client.uploads.add(roomId, thread, list)}
          input={input}
          label={thread === 0 ? t("composer.label", { room }) : t("composer.labelThread")}
          placeholder={thread === 0 ? t("composer.placeholder", { room }) : t("composer.labelThread")}
          describedBy={note ? noteId : undefined}
          invalid={left < 0}
          className="max-h-[40dvh] min-h-10 bg-transparent px-3 pt-2.5 pb-1"
        />
        <div className="flex items-center gap-0.5 px-1 pb-1">
          <input
            ref={files}
            type="file"
            multiple
            hidden
            aria-label={t("composer.attach")}
            onChange={({ target }) => {
              if (target.files) client.uploads.add(roomId, thread, target.files);
              target.value = "";
              input.current?.focus();
            }}
          />
          <IconButton icon={Paperclip} label={t("composer.attach")} size="small" onClick={() => files.current?.click()} />
          <EmojiPopover
            align="start"
            trigger={<IconButton icon={Smile} label={t("composer.emoji")} size="small" />}
            onPick={insert}
            focusAfter={() => input.current?.focus()}
          />
          <div aria-hidden className="mx-1 hidden h-4 w-px bg-line md:block" />
          <FormatBar input={input} />
          <p
            id={noteId}
            role="status"
            className={cx("min-w-0 flex-1 truncate px-1 text-right text-xs", left < 0 ? "text-danger" : "text-ink-soft")}
          >
            {note}
          </p>
          <IconButton
            icon={SendHorizontal}
            label={uploading ? t("composer.waitForFiles") : t("composer.send")}
            type="submit"
            size="small"
            disabled={!maySend}
            className={maySend ? "bg-accent text-on-accent hover:bg-accent-hover hover:text-on-accent" : ""}
          />
        </div>
      </div>
    </form>
  );
}

/** Tells the others in the room that somebody types, or has stopped; not with every key. */
function useTyping(): (active: boolean) => void {
  const client = useClient();
  const { roomId } = useConversation();
  const told = useRef(-Infinity);
  return (active) => {
    const now = performance.now();
    if (active ? now - told.current < typingEvery : told.current === -Infinity) return;
    told.current = active ? now : -Infinity;
    client.typing(roomId, active);
  };
}
