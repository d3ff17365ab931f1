// A conversation on the screen, a room or one of its threads: what its timeline and its composer share.
import { createContext, type ReactNode, type RefObject, useContext, useMemo, useRef, useState } from "react";
import { useClient } from "~/features/app/client-context";
import type { Message, RoomId, Seq } from "~/protocol/types";
import { timeline } from "~/state/selectors";

export interface Conversation {
  roomId: RoomId;
  /** seq of the message whose thread it is; 0: the room itself. */
  thread: Seq;
  /** What the next message answers. The composer shows it, and takes it away once that is sent. */
  replyTo: Message | undefined;
  /** Chooses what to answer; the composer gets the focus. */
  setReplyTo(message: Message | undefined): void;
  /** seq of the message that is edited in its place; 0: none. */
  editing: Seq;
  edit(seq: Seq): void;
  /** Edits the newest message of one's own that is loaded; false: there is none. */
  editLast(): boolean;
  /** Where one writes: the composer puts its textarea here. */
  input: RefObject<HTMLTextAreaElement | null>;
}

const Context = createContext<Conversation | undefined>(undefined);

export function ConversationProvider({ roomId, thread = 0, children }: { roomId: RoomId; thread?: Seq; children: ReactNode }) {
  const client = useClient();
  const [replyTo, setReplyTo] = useState<Message>();
  const [editing, edit] = useState<Seq>(0);
  const input = useRef<HTMLTextAreaElement>(null);
  const value = useMemo(
    () => ({
      roomId,
      thread,
      replyTo,
      setReplyTo: (message: Message | undefined) => {
        setReplyTo(message);
        input.current?.focus();
      },
      editing,
      edit,
      editLast: () => {
        const state = client.store.getState();
        const own = timeline(roomId, thread)(state)?.messages.findLast((m) => m.userId === state.chat.me?.id && !m.isDeleted);
        if (own) edit(own.seq);
        return own !== undefined;
      },
      input,
    }),
    [client, roomId, thread, replyTo, editing],
  );
  return <Context value={value}>{children}</Context>;
}

/** The conversation that a component stands in. */
export function useConversation(): Conversation {
  const conversation = useContext(Context);
  if (!conversation) throw new Error("useConversation: there is no ConversationProvider above");
  return conversation;
}
