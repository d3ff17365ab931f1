// Which rooms and people the quick switcher offers for what was typed, the likeliest first. Pure.
import { folded, rank } from "~/features/composer/completion";
import type { RoomId } from "~/protocol/types";
import type { Chat, RoomEntry } from "~/state/chat";
import { roomTitle } from "~/state/selectors";

export interface Target {
  id: RoomId;
  title: string;
  entry: RoomEntry;
}

/** Of equally good ones, those that were open last come first, then what is unread. With nothing typed, all are equally good. */
export function targets(chat: Chat, query: string, recent: readonly RoomId[], most: number): Target[] {
  const visited = new Map(recent.map((id, i) => [id, i]));
  const wanted = query.trim();
  return Object.entries(chat.rooms)
    .flatMap(([id, entry]) => {
      const title = roomTitle(entry, chat.me?.id);
      const score = wanted === "" ? 0 : fit(title, wanted);
      return score === undefined ? [] : [{ id, title, entry, score }];
    })
    .sort(
      (a, b) =>
        a.score - b.score ||
        (visited.get(a.id) ?? Infinity) - (visited.get(b.id) ?? Infinity) ||
        Number(b.entry.marker.unread > 0) - Number(a.entry.marker.unread > 0) ||
        a.title.localeCompare(b.title),
    )
    .slice(0, most)
    .map(({ id, title, entry }) => ({ id, title, entry }));
}

/** rank, and behind it letters that stand in the title in their order: "gdn" for garden. */
export function fit(title: string, query: string): number | undefined {
  const ranked = rank(title, query);
  if (ranked !== undefined) return ranked;
  let from = 0;
  for (const letter of folded(query).replaceAll(/\s/g, "")) {
    from = folded(title).indexOf(letter, from) + 1;
    if (from === 0) return undefined;
  }
  return 4;
}

/** The rooms in the order they were last open, with one more visit. The room that is open is not where one wants to go: it comes last. */
export const withVisit = (recent: readonly RoomId[], roomId: RoomId): RoomId[] =>
  [roomId, ...recent.filter((id) => id !== roomId)].slice(0, 30);
