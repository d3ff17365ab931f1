import { useRouter } from "@tanstack/react-router";
import { ArrowLeft, Hash, Lock, Pin, Settings2 } from "lucide-react";
import { useApp } from "~/features/app/client-context";
import { t } from "~/i18n/t";
import type { RoomId } from "~/protocol/types";
import { otherOf, roomEntry, roomTitle } from "~/state/selectors";
import { Avatar } from "~/ui/Avatar";
import { IconButton } from "~/ui/IconButton";
import { useRoomNavigation, useRoomSearch } from "./room-search";

export function RoomHeader({ roomId }: { roomId: RoomId }) {
  const router = useRouter();
  const entry = useApp(roomEntry(roomId));
  const me = useApp((s) => s.chat.me?.id);
  const { panel } = useRoomSearch();
  const { openPanel, closePanel } = useRoomNavigation(roomId);
  if (!entry) return null;
  const { room } = entry;
  const other = room.kind === "direct" ? otherOf(entry, me) : undefined;
  const Icon = room.isPrivate ? Lock : Hash;
  return (
    <header className="flex h-14 shrink-0 items-center gap-2 border-line border-b px-2 md:px-5">
      <IconButton icon={ArrowLeft} label={t("common.back")} className="md:hidden" onClick={() => void router.navigate({ to: "/rooms" })} />
      {other ? (
        <Avatar id={other.id} name={other.username} src={other.avatar} size={28} />
      ) : (
        <Icon aria-hidden size={18} className="shrink-0 text-ink-soft" />
      )}
      <div className="min-w-0 flex-1">
        <h1 className="truncate font-semibold">{roomTitle(entry, me)}</h1>
        <p className="truncate text-[13px] text-ink-soft leading-4">
          {room.topic || room.description || t("rooms.members", { count: room.memberCount })}
        </p>
      </div>
      <IconButton
        icon={Pin}
        label={t("pins.open")}
        aria-pressed={panel === "pins"}
        onClick={() => (panel === "pins" ? closePanel() : openPanel("pins"))}
      />
      <IconButton
        icon={Settings2}
        label={t("rooms.settings", { room: roomTitle(entry, me) })}
        onClick={() => void router.navigate({ to: "/rooms/$roomId/settings", params: { roomId } })}
      />
    </header>
  );
}
