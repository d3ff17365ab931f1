import { useEffect, useState } from "react";
import { useApp, useClient } from "~/features/app/client-context";
import { Composer } from "~/features/composer/Composer";
import { FileDrop } from "~/features/composer/FileDrop";
import { useRoomNavigation } from "~/features/rooms/room-search";
import { SidePanel } from "~/features/rooms/SidePanel";
import { ConversationProvider } from "~/features/timeline/conversation";
import { MessageRow } from "~/features/timeline/MessageRow";
import { TimelineView } from "~/features/timeline/TimelineView";
import { t } from "~/i18n/t";
import * as decode from "~/protocol/decode";
import type { Message, MessageJson, RoomId, Seq } from "~/protocol/types";
import { at as path } from "~/rest/rest.client";
import { timeline } from "~/state/selectors";
import { messageAt } from "~/state/timeline";

/** A thread beside its room: the message that began it, the replies, and where to write another one. */
export default function ThreadPanel({ roomId, thread, at }: { roomId: RoomId; thread: Seq; at?: Seq }) {
  const { closePanel, arrived } = useRoomNavigation(roomId);
  return (
    <SidePanel title={t("thread.title")} onClose={closePanel}>
      <ConversationProvider roomId={roomId} thread={thread}>
        <FileDrop roomId={roomId} thread={thread} className="flex min-h-0 flex-1 flex-col">
          <TimelineView at={at} onArrive={arrived} start={<Root roomId={roomId} thread={thread} />} label={t("thread.label")} />
          <Composer />
        </FileDrop>
      </ConversationProvider>
    </SidePanel>
  );
}

/** What began the thread: as the room has it, and if it stands too far above there, as it was when the thread was opened. */
function Root({ roomId, thread }: { roomId: RoomId; thread: Seq }) {
  const client = useClient();
  const [fetched, setFetched] = useState<Message>();
  const loaded = useApp((s) => {
    const room = timeline(roomId)(s);
    return room && messageAt(room, thread);
  });
  const isMissing = loaded === undefined;
  useEffect(() => {
    if (!isMissing) return;
    client.rest.get<MessageJson>(path`/chat/rooms/${roomId}/messages/${thread}`).then(
      (json) => setFetched(decode.message(json)),
      (error) => client.fail(error),
    );
  }, [client, roomId, thread, isMissing]);
  const message = loaded ?? fetched;
  if (!message) return <div className="h-24" />;
  return (
    <div className="pt-2">
      {/* Its thread is here already. */}
      <MessageRow message={{ ...message, replies: undefined }} named />
      <p className="mt-2 flex items-center gap-3 px-3 text-[13px] text-ink-soft md:px-5">
        {t("thread.replies", { count: message.replies?.count ?? 0 })}
        <span className="h-px flex-1 bg-line" />
      </p>
    </div>
  );
}
