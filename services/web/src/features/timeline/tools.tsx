// What can be done with a message, once for the hover buttons, the menu and the keyboard; and the dialogs that come of it. They stand
// once beside a timeline, not in every row.
import { Bookmark, Copy, EyeOff, Link2, type LucideIcon, MessageSquareText, Pencil, Pin, PinOff, Reply, Trash2, Users } from "lucide-react";
import { createContext, lazy, type ReactNode, Suspense, useContext, useMemo, useState } from "react";
import { useApp, useClient } from "~/features/app/client-context";
import type { Picture } from "~/features/files/Attachment";
import { messageLink, useRoomNavigation } from "~/features/rooms/room-search";
import { t } from "~/i18n/t";
import { maxReceipts } from "~/protocol/limits";
import type { Message, Seq } from "~/protocol/types";
import { at } from "~/rest/rest.client";
import { roomEntry } from "~/state/selectors";
import { useConversation } from "./conversation";
import { mayDelete, permissions } from "./permissions";

const MessageMenu = lazy(() => import("./MessageMenu"));
const DeleteDialog = lazy(() => import("./DeleteDialog"));
const ReadersDialog = lazy(() => import("./ReadersDialog"));
const Lightbox = lazy(() => import("~/features/files/Lightbox"));

export interface Action {
  id: "reply" | "thread" | "edit" | "copy" | "link" | "pin" | "save" | "unread" | "readers" | "delete";
  icon: LucideIcon;
  label: string;
  /** The key that does it on a focused message. */
  key?: string;
  danger?: boolean;
  run(): void;
}

export interface Tools {
  /** What the reader may do with a message, in the order of the menu. */
  actions(message: Message): Action[];
  /** Whether the reader may react to a message. */
  canReact(message: Message): boolean;
  /** Puts an emoji under a message, or takes the reader's away. */
  react(message: Message, emoji: string): void;
  /** Opens the menu of a message at a point of the screen. */
  openMenu(message: Message, x: number, y: number): void;
  confirmDelete(message: Message): void;
  showPicture(picture: Picture): void;
  openThread(root: Seq, at?: Seq): void;
  /** Goes to another message of the conversation. */
  goTo(seq: Seq): void;
}

const Context = createContext<Tools | undefined>(undefined);

export function useTools(): Tools {
  const tools = useContext(Context);
  if (!tools) throw new Error("useTools: there is no ToolsProvider above");
  return tools;
}

interface Menu {
  message: Message;
  x: number;
  y: number;
}

export function ToolsProvider({ goTo, children }: { goTo(seq: Seq): void; children: ReactNode }) {
  const client = useClient();
  const { roomId, thread, setReplyTo, edit } = useConversation();
  const entry = useApp(roomEntry(roomId));
  const me = useApp((s) => s.chat.me?.id);
  const { openThread } = useRoomNavigation(roomId);
  const [menu, setMenu] = useState<Menu>();
  const [deleting, setDeleting] = useState<Message>();
  const [readersOf, setReadersOf] = useState<Message>();
  const [picture, setPicture] = useState<Picture>();

  const { room, role, mutedUntil } = entry ?? {};
  // biome-ignore lint/correctness/useExhaustiveDependencies: only these parts of entry decide; it changes with every event
  const may = useMemo(() => permissions(entry, Date.now()), [room, role, mutedUntil]);
  const hasReceipts = (room?.memberCount ?? 0) <= maxReceipts;

  const tools = useMemo((): Tools => {
    const failing = (doing: Promise<unknown>) => void doing.catch((error) => client.fail(error));
    const copy = (text: string, done: string) => void navigator.clipboard.writeText(text).then(() => client.toast(done), client.fail);
    return {
      canReact: (m) => may.write && !m.isDeleted,
      react: (m, emoji) => {
        const mine = m.reactions.find((r) => r.emoji === emoji)?.userIds.includes(me ?? "") ?? false;
        failing(client.react(roomId, m.seq, emoji, mine));
      },
      openMenu: (message, x, y) => setMenu({ message, x, y }),
      confirmDelete: setDeleting,
      showPicture: setPicture,
      openThread,
      goTo,
      actions: (m) => {
        const own = m.userId === me;
        const inRoom = thread === 0;
        const all: (Action | false)[] = [
          may.write && !m.isDeleted && { id: "reply", icon: Reply, label: t("message.reply"), key: "r", run: () => setReplyTo(m) },
          inRoom &&
            (may.write || m.replies !== undefined) && {
              id: "thread",
              icon: MessageSquareText,
              label: t("message.thread"),
              key: "t",
              run: () => openThread(m.seq),
            },
          own && may.write && !m.isDeleted && { id: "edit", icon: Pencil, label: t("message.edit"), key: "e", run: () => edit(m.seq) },
          m.content !== "" && {
            id: "copy",
            icon: Copy,
            label: t("message.copy"),
            key: "c",
            run: () => copy(m.content, t("message.copied")),
          },
          {
            id: "link",
            icon: Link2,
            label: t("message.copyLink"),
            key: "l",
            run: () => copy(messageLink(roomId, m.seq, thread), t("message.linkCopied")),
          },
          may.pin &&
            !m.isDeleted && {
              id: "pin",
              icon: m.isPinned ? PinOff : Pin,
              label: m.isPinned ? t("message.unpin") : t("message.pin"),
              key: "p",
              run: () => failing(client.pin(roomId, m.seq, m.isPinned)),
            },
          !m.isDeleted && {
            id: "save",
            icon: Bookmark,
            label: t("message.save"),
            key: "s",
            run: () =>
              failing(
                client.rest.call("PUT", at`/chat/rooms/${roomId}/messages/${m.seq}/saved`).then(() => client.toast(t("message.saved"))),
              ),
          },
          inRoom && {
            id: "unread",
            icon: EyeOff,
            label: t("message.markUnread"),
            key: "u",
            run: () => failing(client.markUnread(roomId, m.seq)),
          },
          own && hasReceipts && { id: "readers", icon: Users, label: t("message.readers"), run: () => setReadersOf(m) },
          mayDelete(m, me, may) && {
            id: "delete",
            icon: Trash2,
            label: t("message.delete"),
            key: "Delete",
            danger: true,
            run: () => setDeleting(m),
          },
        ];
        return all.filter((action) => action !== false);
      },
    };
  }, [client, roomId, thread, me, may, hasReceipts, setReplyTo, edit, openThread, goTo]);

  return (
    <Context value={tools}>
      {children}
      <Suspense>
        {menu && <MessageMenu {...menu} tools={tools} onClose={() => setMenu(undefined)} />}
        {deleting && <DeleteDialog message={deleting} onClose={() => setDeleting(undefined)} />}
        {readersOf && <ReadersDialog message={readersOf} onClose={() => setReadersOf(undefined)} />}
        {picture && <Lightbox picture={picture} onClose={() => setPicture(undefined)} />}
      </Suspense>
    </Context>
  );
}
