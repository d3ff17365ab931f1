import { Hash, Lock, Users } from "lucide-react";
import { useApp } from "~/features/app/client-context";
import { t } from "~/i18n/t";
import type { RoomEntry } from "~/state/chat";
import { otherOf, presenceOf } from "~/state/selectors";
import { Avatar } from "~/ui/Avatar";
import { PresenceDot } from "~/ui/PresenceDot";

/** What stands before the name of a room: its picture or sign, or the other one of a direct conversation and whether they are there. */
export function RoomIcon({ entry, me, size = 22 }: { entry: RoomEntry; me: string | undefined; size?: number }) {
  const { room } = entry;
  if (room.kind === "direct") {
    const other = otherOf(entry, me);
    return (
      <span className="relative shrink-0">
        <Avatar id={other?.id ?? me ?? ""} name={other?.username ?? room.creator.username} src={other?.avatar} size={size} />
        {other && <OfUser userId={other.id} />}
      </span>
    );
  }
  if (room.avatar) return <Avatar square id={room.id} name={room.name} src={room.avatar} size={size} />;
  const Icon = room.kind === "group" ? Users : room.isPrivate ? Lock : Hash;
  return (
    <span className="flex shrink-0 items-center justify-center" style={{ width: size, height: size }}>
      <Icon aria-hidden size={Math.round(size * 0.75)} />
    </span>
  );
}

function OfUser({ userId }: { userId: string }) {
  const kind = useApp((s) => {
    const presence = presenceOf(userId)(s);
    return !presence?.online ? "offline" : presence.away ? "away" : "online";
  });
  return kind === "offline" ? null : <PresenceDot kind={kind} label={t(`rooms.${kind}`)} className="-right-0.5 -bottom-0.5 absolute" />;
}
