import { Link } from "@tanstack/react-router";
import { Hash, Lock } from "lucide-react";
import { useApp } from "~/features/app/client-context";
import { t } from "~/i18n/t";
import type { RoomId } from "~/protocol/types";
import { otherOf, roomEntry, roomTitle } from "~/state/selectors";
import { Avatar } from "~/ui/Avatar";
import { Badge } from "~/ui/Badge";
import { cx } from "~/ui/class-names";

/** A line of the room list. */
export function RoomLink({ roomId }: { roomId: RoomId }) {
  const entry = useApp(roomEntry(roomId));
  const me = useApp((s) => s.chat.me?.id);
  if (!entry) return null;
  const { unread, mentions } = entry.marker;
  const title = roomTitle(entry, me);
  const other = entry.room.kind === "direct" ? otherOf(entry, me) : undefined;
  const Icon = entry.room.isPrivate ? Lock : Hash;
  return (
    <Link
      to="/rooms/$roomId"
      params={{ roomId }}
      className={cx(
        "flex h-9 items-center gap-2.5 rounded-lg px-2 hover:bg-hover",
        "aria-[current=page]:text-ink",
        unread > 0 ? "font-semibold text-ink" : "text-ink-soft",
      )}
      activeProps={{ className: "bg-selected", "aria-current": "page" }}
    >
      {other ? (
        <Avatar id={other.id} name={other.username} src={other.avatar} size={22} />
      ) : (
        <Icon aria-hidden size={16} className="mx-[3px] shrink-0" />
      )}
      <span className="min-w-0 flex-1 truncate">{title}</span>
      {mentions > 0 ? (
        <Badge strong count={mentions} label={t("rooms.mentions", { count: mentions })} />
      ) : (
        <Badge count={unread} label={t("rooms.unread", { count: unread })} />
      )}
    </Link>
  );
}
