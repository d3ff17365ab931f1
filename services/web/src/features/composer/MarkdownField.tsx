import { type KeyboardEvent, type RefObject, useId, useState } from "react";
import { t } from "~/i18n/t";
import type { RoomId } from "~/protocol/types";
import { cx } from "~/ui/class-names";
import { applyEdit } from "./apply-edit.client";
import { closedEmoji } from "./completion";
import { type Format, format } from "./markdown";
import { SuggestionList } from "./SuggestionList";
import { useSuggestions } from "./use-suggestions";

interface Props {
  roomId: RoomId;
  value: string;
  onChange(text: string): void;
  /** Enter; Shift+Enter begins another line. */
  onSubmit(): void;
  label: string;
  placeholder?: string;
  input: RefObject<HTMLTextAreaElement | null>;
  /** Keys that mean nothing here. */
  onKeyDown?(event: KeyboardEvent<HTMLTextAreaElement>): void;
  /** Pasted files. */
  onFiles?(files: Iterable<File>): void;
  onBlur?(): void;
  className?: string;
  /** Ids of what describes it. */
  describedBy?: string;
  invalid?: boolean;
}

const keys: Record<string, Format> = { b: "bold", i: "italic", e: "code", k: "link" };

/** Where a message is written: it grows with its lines, completes names and emoji, and knows the keys of Markdown. */
export function MarkdownField({ roomId, value, onChange, onSubmit, input, onKeyDown, onFiles, className, ...rest }: Props) {
  const id = useId();
  const [caret, setCaret] = useState(0);
  const [active, setActive] = useState(0);
  // Where the word began whose suggestions were closed.
  const [closed, setClosed] = useState(-1);
  const [focused, setFocused] = useState(false);
  const { from, kind, suggestions } = useSuggestions(roomId, value, Math.min(caret, value.length));
  const open = focused && suggestions.length > 0 && closed !== from;
  const at = Math.min(active, suggestions.length - 1);

  const pick = (which: number) => {
    const field = input.current;
    const suggestion = suggestions[which];
    if (!field || !suggestion) return;
    // A blank that is there already is not doubled.
    const insert = value[caret] === " " ? suggestion.insert.trimEnd() : suggestion.insert;
    const end = from + insert.length + (value[caret] === " " ? 1 : 0);
    applyEdit(field, { from, to: caret, insert, start: end, end });
  };

  const change = (text: string, field: HTMLTextAreaElement) => {
    const now = field.selectionStart;
    if (text !== value) setActive(0);
    setCaret(now);
    if (closed >= 0 && text[closed] !== value[closed]) setClosed(-1);
    onChange(text);
    const named = text.length > value.length && text[now - 1] === ":" ? closedEmoji(text, now) : undefined;
    if (named) void replaceEmoji(field, named, now);
  };

  const handleKey = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.nativeEvent.isComposing) return;
    const { key, shiftKey, altKey } = event;
    const command = event.ctrlKey || event.metaKey;
    const field = event.currentTarget;
    if (open && !command && !altKey) {
      const step = key === "ArrowDown" ? 1 : key === "ArrowUp" ? -1 : 0;
      if (step !== 0) setActive((at + step + suggestions.length) % suggestions.length);
      else if ((key === "Enter" && !shiftKey) || key === "Tab") pick(at);
      else if (key === "Escape") setClosed(from);
      else return onKeyDown?.(event);
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    const how = command && !shiftKey && !altKey ? keys[key.toLowerCase()] : undefined;
    // Without a selection, Ctrl+K is the quick switcher's.
    if (how && !(how === "link" && field.selectionStart === field.selectionEnd)) {
      event.preventDefault();
      event.stopPropagation();
      applyEdit(field, format(field.value, field.selectionStart, field.selectionEnd, how));
      return;
    }
    // On a touch screen Enter is for lines: there is a button to send.
    if (key === "Enter" && !shiftKey && !altKey && !matchMedia("(pointer: coarse)").matches) {
      event.preventDefault();
      onSubmit();
      return;
    }
    onKeyDown?.(event);
  };

  return (
    <>
      {open && (
        <SuggestionList
          id={id}
          label={kind === "mention" ? t("composer.people") : t("composer.emoji")}
          suggestions={suggestions}
          active={at}
          onPick={pick}
        />
      )}
      <textarea
        ref={input}
        value={value}
        rows={1}
        aria-label={rest.label}
        aria-describedby={rest.describedBy}
        aria-invalid={rest.invalid || undefined}
        aria-autocomplete="list"
        aria-haspopup="listbox"
        aria-controls={open ? id : undefined}
        aria-activedescendant={open ? `${id}-${at}` : undefined}
        placeholder={rest.placeholder}
        className={cx("field-sizing-content block w-full resize-none outline-none placeholder:text-ink-soft", className)}
        onChange={(event) => change(event.target.value, event.target)}
        onSelect={(event) => setCaret(event.currentTarget.selectionStart)}
        onFocus={() => setFocused(true)}
        onBlur={() => {
          setFocused(false);
          rest.onBlur?.();
        }}
        onKeyDown={handleKey}
        onPaste={(event) => {
          const { files } = event.clipboardData;
          // What a word processor copies is text with a picture of it: the text is meant.
          if (!onFiles || files.length === 0 || event.clipboardData.types.includes("text/plain")) return;
          event.preventDefault();
          onFiles(files);
        }}
      />
    </>
  );
}

/** Puts an emoji in the place of its :name:, unless somebody has gone on meanwhile. */
async function replaceEmoji(field: HTMLTextAreaElement, { name, from }: { name: string; from: number }, to: number): Promise<void> {
  const { default: data } = await import("virtual:emoji");
  const found = data.emojis.find((e) => e.names.includes(name));
  if (!found || field.selectionStart !== to || field.value.slice(from, to).toLowerCase() !== `:${name}:`) return;
  const end = from + found.emoji.length;
  applyEdit(field, { from, to, insert: found.emoji, start: end, end });
}
