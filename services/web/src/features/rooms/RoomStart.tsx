import { useApp } from "~/features/app/client-context";
import { t } from "~/i18n/t";
import type { RoomId } from "~/protocol/types";
import { otherOf, roomEntry, roomTitle } from "~/state/selectors";
import { Avatar } from "~/ui/Avatar";

/** Above the first message of a room: what the room is for. */
export function RoomStart({ roomId }: { roomId: RoomId }) {
  const entry = useApp(roomEntry(roomId));
  const me = useApp((s) => s.chat.me?.id);
  if (!entry) return null;
  const other = entry.room.kind === "direct" ? otherOf(entry, me) : undefined;
  const name = roomTitle(entry, me);
  return (
    <div className="px-3 pt-10 pb-3 md:px-5">
      <Avatar id={other?.id ?? roomId} name={name} src={other?.avatar ?? entry.room.avatar} size={56} square={!other} />
      <p className="mt-3 font-bold text-xl">{name}</p>
      <p className="mt-0.5 max-w-prose text-ink-soft">
        {other ? t("timeline.startDirect", { name }) : t("timeline.start", { name })}
        {entry.room.description && ` ${entry.room.description}`}
      </p>
    </div>
  );
}
