// What the address of a room says besides which room it is.
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import type { RoomId, Seq } from "~/protocol/types";

export interface RoomSearch {
  /** A message to go to: in the thread, if one is open. */
  at?: Seq;
  /** The thread beside the room, by the seq of the message that began it. */
  thread?: Seq;
  /** What else stands beside the room. */
  panel?: "pins";
}

const seq = (value: unknown): Seq | undefined => (Number.isSafeInteger(Number(value)) && Number(value) > 0 ? Number(value) : undefined);

export const parseRoomSearch = (search: Record<string, unknown>): RoomSearch => ({
  at: seq(search.at),
  thread: seq(search.thread),
  panel: search.panel === "pins" ? "pins" : undefined,
});

export const useRoomSearch = (): RoomSearch => useSearch({ from: "/_app/rooms/$roomId" });

/** Goes to other places of the room that is open. */
export function useRoomNavigation(roomId: RoomId) {
  const navigate = useNavigate({ from: "/rooms/$roomId" });
  return useMemo(
    () => ({
      /** Opens a thread beside the room, maybe at one of its messages. */
      openThread: (thread: Seq, at?: Seq) => void navigate({ to: "/rooms/$roomId", params: { roomId }, search: { thread, at } }),
      openPanel: (panel: RoomSearch["panel"]) => void navigate({ to: "/rooms/$roomId", params: { roomId }, search: { panel } }),
      closePanel: () => void navigate({ to: "/rooms/$roomId", params: { roomId }, search: {} }),
      /** Goes to a message of the room; what stands beside it stays. */
      goTo: (at: Seq) => void navigate({ to: "/rooms/$roomId", params: { roomId }, search: (s) => ({ ...s, at }), replace: true }),
      /** The message was gone to: the same link works again. */
      arrived: () => void navigate({ to: "/rooms/$roomId", params: { roomId }, search: (s) => ({ ...s, at: undefined }), replace: true }),
    }),
    [navigate, roomId],
  );
}

/** The address of a message, to be shared. */
export const messageLink = (roomId: RoomId, seq: Seq, thread: Seq): string =>
  `${location.origin}/rooms/${roomId}?${thread === 0 ? "" : `thread=${thread}&`}at=${seq}`;
