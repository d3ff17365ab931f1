import { SearchX } from "lucide-react";
import { useApp } from "~/features/app/client-context";
import { Loading } from "~/features/app/pages";
import { Composer } from "~/features/composer/Composer";
import { FileDrop } from "~/features/composer/FileDrop";
import { ConversationProvider } from "~/features/timeline/conversation";
import { TimelineView } from "~/features/timeline/TimelineView";
import { t } from "~/i18n/t";
import type { RoomId } from "~/protocol/types";
import { hasRooms, roomEntry } from "~/state/selectors";
import { EmptyState } from "~/ui/EmptyState";
import { RoomHeader } from "./RoomHeader";

/** One room: what was said, and where to say something. */
export function RoomPage({ roomId }: { roomId: RoomId }) {
  const known = useApp(hasRooms);
  const isHere = useApp((s) => roomEntry(roomId)(s) !== undefined);
  if (!known) return <Loading />;
  if (!isHere) return <EmptyState heading="h1" icon={SearchX} title={t("rooms.gone")} text={t("rooms.goneHint")} />;
  return (
    <ConversationProvider roomId={roomId}>
      <FileDrop roomId={roomId} className="flex h-full flex-col">
        <RoomHeader roomId={roomId} />
        <TimelineView roomId={roomId} />
        <Composer />
      </FileDrop>
    </ConversationProvider>
  );
}
