import { ArrowDown } from "lucide-react";
import { useApp } from "~/features/app/client-context";
import { t } from "~/i18n/t";
import type { RoomId, Seq } from "~/protocol/types";
import { roomEntry } from "~/state/selectors";

/** The way back to the newest message, with how many came meanwhile. */
export function LatestButton({ roomId, thread, onClick }: { roomId: RoomId; thread: Seq; onClick(): void }) {
  const unread = useApp((s) => (thread === 0 ? (roomEntry(roomId)(s)?.marker.unread ?? 0) : 0));
  return (
    <button
      type="button"
      onClick={onClick}
      className="absolute bottom-3 left-1/2 flex h-9 -translate-x-1/2 items-center gap-2 rounded-full border border-line bg-raised px-3.5 font-medium text-[13px] shadow-float hover:bg-side"
    >
      <ArrowDown aria-hidden size={15} className="text-accent-ink" />
      {unread > 0 ? t("timeline.newMessages", { count: unread }) : t("timeline.latest")}
    </button>
  );
}
