import type { RoomId } from "~/protocol/types";

/** Lock that a tab has while somebody looks at a room in it. */
export const looking = (roomId: RoomId): string => `natter-looking/${roomId}`;

/** Says that somebody looks at a room here, while the tab is in front; returns how to stop. */
export function lookAt(roomId: RoomId): () => void {
  let end: (() => void) | undefined;
  const change = () => {
    const isLooking = document.visibilityState === "visible" && document.hasFocus();
    if (!isLooking) {
      end?.();
      end = undefined;
    } else if (!end && navigator.locks) {
      void navigator.locks.request(looking(roomId), { mode: "shared" }, () => new Promise<void>((resolve) => (end = resolve)));
    }
  };
  const stopped = new AbortController();
  addEventListener("focus", change, stopped);
  addEventListener("blur", change, stopped);
  document.addEventListener("visibilitychange", change, stopped);
  change();
  return () => {
    stopped.abort();
    end?.();
  };
}
