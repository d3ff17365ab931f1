import type { RoomId, Seq } from "~/protocol/types";

/** Milliseconds for which receipts gather: a burst of messages in a room is one. */
const gather = 1000;

/** Tells the server, a little later, which messages this client has. */
export class Delivered {
  #send: (roomId: RoomId, seq: Seq) => void;
  #seqs = new Map<RoomId, Seq>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(send: (roomId: RoomId, seq: Seq) => void) {
    this.#send = send;
  }

  note(roomId: RoomId, seq: Seq): void {
    this.#seqs.set(roomId, seq);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      for (const [room, upTo] of this.#seqs) this.#send(room, upTo);
      this.#seqs.clear();
    }, gather);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#seqs.clear();
  }
}
