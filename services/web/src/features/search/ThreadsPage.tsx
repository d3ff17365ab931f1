import { MessagesSquare } from "lucide-react";
import { useCallback } from "react";
import { useClient } from "~/features/app/client-context";
import { MorePages } from "~/features/app/MorePages";
import { useKeyset } from "~/features/app/use-keyset";
import { t } from "~/i18n/t";
import * as decode from "~/protocol/decode";
import type { ListFollowedThreadsResponseJson } from "~/protocol/gen/natter/message_store/v1/read_state_pb";
import { Badge } from "~/ui/Badge";
import { EmptyState } from "~/ui/EmptyState";
import { GatheredPage } from "./GatheredPage";
import { MessageCard } from "./MessageCard";
import { RoomHeading } from "./RoomHeading";

/** The threads that the user follows, the one with the newest reply first. */
export default function ThreadsPage() {
  const client = useClient();
  const list = useKeyset(
    useCallback(
      async (before: string, signal: AbortSignal) => {
        const { threads = [], next = "" } = await client.rest.get<ListFollowedThreadsResponseJson>(
          "/chat/threads",
          { before, limit: 30 },
          signal,
        );
        return { items: threads.map(({ message = {}, unread = 0 }) => ({ message: decode.message(message), unread })), next };
      },
      [client],
    ),
  );
  return (
    <GatheredPage title={t("threads.title")}>
      <ul className="flex flex-col gap-2">
        {list.items.map(({ message, unread }) => (
          <li key={message._id} className="rounded-xl border border-line py-1">
            <RoomHeading roomId={message.roomId} />
            <MessageCard message={message} thread={message.seq}>
              <p className="mt-1 flex items-center gap-2 text-[13px] text-accent-ink">
                {t("threads.replies", { count: message.replies?.count ?? 0 })}
                <Badge count={unread} label={t("threads.unread", { count: unread })} />
              </p>
            </MessageCard>
          </li>
        ))}
      </ul>
      {list.done && list.items.length === 0 && <EmptyState icon={MessagesSquare} title={t("threads.none")} text={t("threads.noneHint")} />}
      <MorePages list={list} />
    </GatheredPage>
  );
}
