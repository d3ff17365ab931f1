import { SearchX } from "lucide-react";
import { lazy, Suspense, useEffect } from "react";
import { useApp } from "~/features/app/client-context";
import { Loading } from "~/features/app/pages";
import { Composer } from "~/features/composer/Composer";
import { FileDrop } from "~/features/composer/FileDrop";
import { lookAt } from "~/features/notifications/looking.client";
import { ConversationProvider } from "~/features/timeline/conversation";
import { TimelineView } from "~/features/timeline/TimelineView";
import { TypingLine } from "~/features/timeline/TypingLine";
import { t } from "~/i18n/t";
import type { RoomId } from "~/protocol/types";
import { hasRooms, roomEntry } from "~/state/selectors";
import { EmptyState } from "~/ui/EmptyState";
import { RoomHeader } from "./RoomHeader";
import { RoomStart } from "./RoomStart";
import { useRoomNavigation, useRoomSearch } from "./room-search";

const ThreadPanel = lazy(() => import("~/features/thread/ThreadPanel"));
const PinsPanel = lazy(() => import("~/features/pins/PinsPanel"));

/** One room: what was said, where to say something, and what was opened beside it. */
export function RoomPage({ roomId }: { roomId: RoomId }) {
  const known = useApp(hasRooms);
  const isHere = useApp((s) => roomEntry(roomId)(s) !== undefined);
  const { at, thread, panel } = useRoomSearch();
  const { arrived } = useRoomNavigation(roomId);
  useEffect(() => lookAt(roomId), [roomId]);
  if (!known) return <Loading />;
  if (!isHere) return <EmptyState heading="h1" icon={SearchX} title={t("rooms.gone")} text={t("rooms.goneHint")} />;
  return (
    <div className="flex h-full">
      <ConversationProvider roomId={roomId}>
        <FileDrop roomId={roomId} className="flex min-w-0 flex-1 flex-col">
          <RoomHeader roomId={roomId} />
          <TimelineView at={thread ? undefined : at} onArrive={arrived} start={<RoomStart roomId={roomId} />} label={t("timeline.label")} />
          <TypingLine roomId={roomId} />
          <Composer />
        </FileDrop>
      </ConversationProvider>
      <Suspense>
        {thread && <ThreadPanel key={thread} roomId={roomId} thread={thread} at={at} />}
        {!thread && panel === "pins" && <PinsPanel roomId={roomId} />}
      </Suspense>
    </div>
  );
}
