// Where a timeline is to be, before it is there: what must be loaded first, and whether it is.
import type { Seq } from "~/protocol/types";
import type { Timeline } from "~/state/timeline";

export type Aim = { loaded?: boolean } & ({ to: "end" } | { to: "unread"; after: Seq } | { to: "message"; seq: Seq });

/** Whether a window has what is aimed at. */
export function has(window: Timeline, aim: Aim): boolean {
  if (aim.loaded) return true;
  const [first, last] = [window.messages[0]?.seq ?? Infinity, window.messages.at(-1)?.seq ?? 0];
  switch (aim.to) {
    case "end":
      return !window.newer;
    case "unread":
      return (!window.older || first <= aim.after) && (!window.newer || last > aim.after);
    case "message":
      return (!window.older || first <= aim.seq) && (!window.newer || last >= aim.seq);
  }
}

/** Near an end of what is loaded, the next page is fetched: within this many pixels. */
const ahead = 1600;
/** What still counts as being at the end, and from where the way back is offered, in pixels. */
const endSlack = 48;
const farAway = 320;

export interface View {
  scrollTop: number;
  scrollHeight: number;
  clientHeight: number;
}

/** What follows from where somebody has scrolled to. */
export function look({ scrollTop, scrollHeight, clientHeight }: View, window: Pick<Timeline, "older" | "newer">) {
  const below = scrollHeight - scrollTop - clientHeight;
  return {
    atEnd: !window.newer && below <= endSlack,
    isAway: window.newer || below > farAway,
    wantsOlder: window.older && scrollTop < ahead,
    wantsNewer: window.newer && below < ahead,
  };
}
