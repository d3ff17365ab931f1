// The order in which rooms are listed. Pure.
import { folded } from "~/features/composer/completion";
import type { RoomId } from "~/protocol/types";
import type { Chat, RoomEntry } from "~/state/chat";
import { roomTitle } from "~/state/selectors";

export const sectionNames = ["favourites", "rooms", "direct"] as const;
export type SectionName = (typeof sectionNames)[number];
export type Sort = "name" | "unread";

/** Ids of the rooms of a section in their order, joined by spaces: equal as long as nothing moves. */
export type Sections = Readonly<Record<SectionName, string>>;

/** A filter is a part of a name; it finds hidden rooms, too. */
export function sectionsOf(chat: Chat, sort: Sort = "name", filter = ""): Sections {
  const lists: Record<SectionName, { id: string; title: string; calls: number }[]> = { favourites: [], rooms: [], direct: [] };
  const wanted = folded(filter.trim());
  for (const [id, entry] of Object.entries(chat.rooms)) {
    const title = roomTitle(entry, chat.me?.id);
    if (wanted === "" ? isHidden(entry) : !folded(title).includes(wanted)) continue;
    lists[sectionOf(entry)].push({ id, title, calls: sort === "unread" ? callsOf(entry) : 0 });
  }
  const ids = (list: { id: string; title: string; calls: number }[]) =>
    list
      .sort((a, b) => b.calls - a.calls || a.title.localeCompare(b.title) || (a.id < b.id ? -1 : 1))
      .map(({ id }) => id)
      .join(" ");
  return { favourites: ids(lists.favourites), rooms: ids(lists.rooms), direct: ids(lists.direct) };
}

export const idsOf = (ids: string): RoomId[] => (ids === "" ? [] : ids.split(" "));

/** Whether the user wants to hear nothing of a room. */
export const isQuiet = ({ preferences }: RoomEntry): boolean => preferences.notifications === "none";

/** The room before or after another one in the list, which goes around; with unread: the next that has something. */
export function neighbour(chat: Chat, sort: Sort, from: RoomId | undefined, step: 1 | -1, unread: boolean): RoomId | undefined {
  const sections = sectionsOf(chat, sort);
  const all = sectionNames.flatMap((name) => idsOf(sections[name]));
  const start = from === undefined ? -1 : all.indexOf(from);
  const first = start < 0 ? (step === 1 ? 0 : all.length - 1) : start + step;
  for (let i = 0; i < all.length; i++) {
    const id = all[(((first + i * step) % all.length) + all.length) % all.length];
    const entry = id === undefined ? undefined : chat.rooms[id];
    if (id !== from && entry && (!unread || callsOf(entry) > 0)) return id;
  }
  return undefined;
}

/** 2: somebody calls the user; 1: something is unread; 0: nothing is, or they do not want to hear of it. */
function callsOf(entry: RoomEntry): number {
  const { unread, mentions } = entry.marker;
  return mentions > 0 ? 2 : unread > 0 && !isQuiet(entry) ? 1 : 0;
}

const isHidden = ({ preferences, seq }: RoomEntry): boolean => preferences.hiddenSeq > 0 && seq <= preferences.hiddenSeq;

const sectionOf = ({ preferences, room }: RoomEntry): SectionName =>
  preferences.isFavourite ? "favourites" : room.kind === "room" ? "rooms" : "direct";
