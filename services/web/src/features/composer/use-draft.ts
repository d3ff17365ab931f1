import { useStore } from "zustand";
import { draftKey } from "~/drafts/drafts.client";
import { useClient } from "~/features/app/client-context";
import type { RoomId, Seq } from "~/protocol/types";

/** What was begun in a room or thread, and how to go on. Every tab has the same. */
export function useDraft(roomId: RoomId, thread: Seq): [string, (text: string) => void] {
  const { drafts } = useClient();
  const text = useStore(drafts.store, (texts) => texts[draftKey(roomId, thread)] ?? "");
  return [text, (next) => drafts.set(roomId, thread, next)];
}

/** Whether something was begun in a room itself (not in its threads). */
export function useHasDraft(roomId: RoomId): boolean {
  const { drafts } = useClient();
  return useStore(drafts.store, (texts) => (texts[draftKey(roomId, 0)] ?? "").trim() !== "");
}
