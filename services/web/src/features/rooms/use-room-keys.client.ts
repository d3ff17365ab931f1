import { useRouter } from "@tanstack/react-router";
import { useEffect } from "react";
import { useClient } from "~/features/app/client-context";
import { listOptions } from "./list-options";
import { neighbour } from "./sections";

interface Actions {
  openSwitcher(): void;
  openHelp(): void;
}

/** The keys that work everywhere beside the rooms. What is open above the page has its own. */
export function useRoomKeys(roomId: string | undefined, { openSwitcher, openHelp }: Actions): void {
  const client = useClient();
  const router = useRouter();
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const { key, altKey, shiftKey } = event;
      const command = event.ctrlKey || event.metaKey;
      if (event.defaultPrevented || event.isComposing || document.querySelector("[role=dialog],[role=menu]")) return;
      const { chat } = client.store.getState();
      if (command && !altKey && !shiftKey && key.toLowerCase() === "k") openSwitcher();
      else if (command && !altKey && key === "/") openHelp();
      else if (command && !altKey && shiftKey && key.toLowerCase() === "f") void router.navigate({ to: "/rooms/search" });
      else if (altKey && !command && (key === "ArrowDown" || key === "ArrowUp")) {
        const next = neighbour(chat, listOptions().sort, roomId, key === "ArrowDown" ? 1 : -1, shiftKey);
        if (next) void router.navigate({ to: "/rooms/$roomId", params: { roomId: next } });
      } else if (key === "Escape" && !command && !altKey && !shiftKey && roomId) client.markRead(roomId, chat.rooms[roomId]?.seq ?? 0);
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, [client, router, roomId, openSwitcher, openHelp]);
}
