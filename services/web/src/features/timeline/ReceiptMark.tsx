import { Check, CheckCheck } from "lucide-react";
import { useEffect, useState } from "react";
import { useShallow } from "zustand/react/shallow";
import { useApp, useClient } from "~/features/app/client-context";
import { t } from "~/i18n/t";
import type { UserRefJson } from "~/protocol/gen/natter/chat/v1/chat_pb";
import { maxReceipts } from "~/protocol/limits";
import type { Message, UserId } from "~/protocol/types";
import { at } from "~/rest/rest.client";
import { roomEntry } from "~/state/selectors";
import { Tooltip } from "~/ui/Tooltip";

/** Whether a message of the reader's has reached anybody, and who has read it. */
export function ReceiptMark({ message: { roomId, seq } }: { message: Message }) {
  const client = useClient();
  const isTold = useApp((s) => {
    const count = roomEntry(roomId)(s)?.room.memberCount ?? 0;
    return count > 1 && count <= maxReceipts;
  });
  // What was read before this client came is not told again.
  const [before, setBefore] = useState<readonly UserId[]>([]);
  useEffect(() => {
    if (!isTold) return;
    let gone = false;
    client.rest.get<UserRefJson[]>(at`/chat/rooms/${roomId}/messages/${seq}/readers`).then(
      (readers) => gone || setBefore(readers.map((r) => r.id ?? "")),
      () => {},
    );
    return () => {
      gone = true;
    };
  }, [client, roomId, seq, isTold]);

  const delivered = useApp((s) => Object.values(roomEntry(roomId)(s)?.receipts ?? {}).some((r) => r.deliveredSeq >= seq));
  const readers = useApp(
    useShallow((s) => {
      const me = s.chat.me?.id;
      const now = Object.entries(roomEntry(roomId)(s)?.receipts ?? {}).filter(([, r]) => r.readSeq >= seq);
      return [...new Set([...before, ...now.map(([id]) => id)])]
        .filter((id) => id !== me)
        .map((id) => s.chat.people[id]?.username ?? "")
        .filter((name) => name !== "");
    }),
  );
  if (!isTold) return null;
  const isRead = readers.length > 0;
  const text = isRead
    ? t("message.readBy", { names: new Intl.ListFormat("en").format(readers.slice(0, 10)) })
    : t(delivered ? "message.delivered" : "message.sent");
  const Icon = isRead || delivered ? CheckCheck : Check;
  return (
    <Tooltip text={text}>
      <span role="img" aria-label={text} className={`self-end pb-0.5 ${isRead ? "text-accent-ink" : "text-ink-soft"}`}>
        <Icon aria-hidden size={15} />
      </span>
    </Tooltip>
  );
}
