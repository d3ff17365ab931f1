import { useApp } from "~/features/app/client-context";
import { t } from "~/i18n/t";
import type { RoomId } from "~/protocol/types";
import { roomEntry, roomTitle } from "~/state/selectors";

/** Above messages of a room. */
export function RoomHeading({ roomId, count }: { roomId: RoomId; count?: number }) {
  const title = useApp((s) => {
    const entry = roomEntry(roomId)(s);
    return entry ? roomTitle(entry, s.chat.me?.id) : "";
  });
  return (
    <h2 className="flex items-baseline gap-2 px-3 py-1 font-semibold">
      <span className="truncate">{title}</span>
      {count !== undefined && <span className="font-normal text-ink-soft text-xs">{t("search.count", { count })}</span>}
    </h2>
  );
}
