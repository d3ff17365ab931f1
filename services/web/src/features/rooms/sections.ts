import type { Chat, RoomEntry } from "~/state/chat";
import { roomTitle } from "~/state/selectors";

/** Ids of the rooms of a section in their order, joined by spaces: equal as long as nothing moves. */
export interface Sections {
  favourites: string;
  rooms: string;
  direct: string;
}

export function sectionsOf(chat: Chat): Sections {
  const lists: Record<keyof Sections, { id: string; title: string }[]> = { favourites: [], rooms: [], direct: [] };
  for (const [id, entry] of Object.entries(chat.rooms)) {
    if (!isHidden(entry)) lists[sectionOf(entry)].push({ id, title: roomTitle(entry, chat.me?.id) });
  }
  const ids = (list: { id: string; title: string }[]) =>
    list
      .sort((a, b) => a.title.localeCompare(b.title) || (a.id < b.id ? -1 : 1))
      .map(({ id }) => id)
      .join(" ");
  return { favourites: ids(lists.favourites), rooms: ids(lists.rooms), direct: ids(lists.direct) };
}

const isHidden = ({ preferences, seq }: RoomEntry): boolean => preferences.hiddenSeq > 0 && seq <= preferences.hiddenSeq;

const sectionOf = ({ preferences, room }: RoomEntry): keyof Sections =>
  preferences.isFavourite ? "favourites" : room.kind === "room" ? "rooms" : "direct";
