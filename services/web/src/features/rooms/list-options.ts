import { deviceSetting, useDeviceSetting, writeDeviceSetting } from "~/features/app/use-device-setting";
import type { RoomId } from "~/protocol/types";
import type { SectionName, Sort } from "./sections";
import { withVisit } from "./switcher";

/** How this device shows the list of rooms. */
export interface ListOptions {
  sort: Sort;
  collapsed: readonly SectionName[];
}

const standard: ListOptions = { sort: "name", collapsed: [] };

export const useListOptions = () => useDeviceSetting<ListOptions>("rooms", standard);
export const listOptions = (): ListOptions => deviceSetting("rooms", standard);

/** The rooms in the order this device last opened them. */
export const recentRooms = (): RoomId[] => deviceSetting<RoomId[]>("recent-rooms", []);
export const noteVisit = (roomId: RoomId): void => writeDeviceSetting("recent-rooms", withVisit(recentRooms(), roomId));
