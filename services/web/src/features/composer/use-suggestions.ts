import { useEffect, useMemo, useState } from "react";
import { useApp } from "~/features/app/client-context";
import { t } from "~/i18n/t";
import type { RoomId } from "~/protocol/types";
import { roomEntry } from "~/state/selectors";
import { best, mostSuggestions, type Suggestion, tokenAt } from "./completion";
import { callsAll } from "./posting";
import { useMembers } from "./use-members";

type EmojiList = typeof import("virtual:emoji")["default"]["emojis"];

/** What the word before the caret may become. `from` is where it begins; no suggestions: it is not such a word, or nothing fits. */
export function useSuggestions(
  roomId: RoomId,
  text: string,
  caret: number,
): { from: number; kind: string; suggestions: readonly Suggestion[] } {
  const token = tokenAt(text, caret);
  const { kind = "", query = "", from = 0 } = token ?? {};
  const members = useMembers(roomId, kind === "mention");
  const me = useApp((s) => s.chat.me?.id);
  const all = useApp((s) => {
    const entry = roomEntry(roomId)(s);
    return entry !== undefined && callsAll(entry);
  });
  const emoji = useEmoji(kind === "emoji");
  const suggestions = useMemo((): readonly Suggestion[] => {
    if (kind === "mention") {
      const people = members
        .filter((u) => u.id !== me)
        .map((user) => ({ key: user.id, insert: `@${user.username} `, label: user.username, user, names: [user.username] }));
      const calls = (["room", "here"] as const).map((name) => ({
        key: name,
        insert: `@${name} `,
        label: `@${name}`,
        hint: t(`composer.${name}`),
        sign: "📣",
        names: [name],
      }));
      return best([...people, ...(all ? calls : [])], (s) => s.names, query, mostSuggestions);
    }
    if (kind !== "emoji") return none;
    return best(emoji, (e) => [...e.names, ...e.tags], query, mostSuggestions).map((e) => ({
      key: e.emoji,
      insert: `${e.emoji} `,
      label: `:${e.names[0] ?? e.label}:`,
      hint: e.label,
      sign: e.emoji,
    }));
  }, [kind, query, members, me, all, emoji]);
  return { from, kind, suggestions };
}

/** The emoji by their names, once they are wanted. */
function useEmoji(wanted: boolean): EmojiList {
  const [list, setList] = useState<EmojiList>(noEmoji);
  const load = wanted && list.length === 0;
  useEffect(() => {
    let gone = false;
    // Not loaded, there are no suggestions: the names can be written out.
    if (load) import("virtual:emoji").then((m) => gone || setList(m.default.emojis)).catch(() => {});
    return () => {
      gone = true;
    };
  }, [load]);
  return list;
}

const none: readonly Suggestion[] = [];
const noEmoji: EmojiList = [];
