import { AtSign } from "lucide-react";
import { useCallback } from "react";
import { useClient } from "~/features/app/client-context";
import { MorePages } from "~/features/app/MorePages";
import { useKeyset } from "~/features/app/use-keyset";
import { t } from "~/i18n/t";
import * as decode from "~/protocol/decode";
import type { MessageJson } from "~/protocol/types";
import { EmptyState } from "~/ui/EmptyState";
import { GatheredPage } from "./GatheredPage";
import { MessageCard } from "./MessageCard";
import { byRoom } from "./query";
import { RoomHeading } from "./RoomHeading";

const pageSize = 30;

/** The messages that mention the user, in all rooms. */
export default function MentionsPage() {
  const client = useClient();
  const list = useKeyset(
    useCallback(
      async (before: string, signal: AbortSignal) => {
        const page = await client.rest.get<MessageJson[]>("/chat/mentions", { before, limit: pageSize }, signal);
        return { items: page.map(decode.message), next: page.length < pageSize ? "" : (page.at(-1)?._id ?? "") };
      },
      [client],
    ),
  );
  return (
    <GatheredPage title={t("mentions.title")}>
      {byRoom(list.items, (m) => m.roomId).map(({ roomId, hits }) => (
        <section key={roomId} className="mb-4">
          <RoomHeading roomId={roomId} />
          <ul>
            {hits.map((message) => (
              <li key={message.seq}>
                <MessageCard message={message} highlights={message.mentions} />
              </li>
            ))}
          </ul>
        </section>
      ))}
      {list.done && list.items.length === 0 && <EmptyState icon={AtSign} title={t("mentions.none")} text={t("mentions.noneHint")} />}
      <MorePages list={list} />
    </GatheredPage>
  );
}
