import { Pin as PinIcon } from "lucide-react";
import { lazy, Suspense, useCallback, useEffect, useState } from "react";
import { useApp, useClient } from "~/features/app/client-context";
import { Loading } from "~/features/app/pages";
import type { Picture } from "~/features/files/Attachment";
import { useRoomNavigation } from "~/features/rooms/room-search";
import { SidePanel } from "~/features/rooms/SidePanel";
import { MessageCard } from "~/features/timeline/MessageCard";
import { permissions } from "~/features/timeline/permissions";
import { t } from "~/i18n/t";
import * as decode from "~/protocol/decode";
import type { PinJson } from "~/protocol/gen/natter/message_store/v1/history_pb";
import type { Message, RoomId, Seq } from "~/protocol/types";
import { at } from "~/rest/rest.client";
import { roomEntry } from "~/state/selectors";
import { Button } from "~/ui/Button";
import { EmptyState } from "~/ui/EmptyState";

const Lightbox = lazy(() => import("~/features/files/Lightbox"));

interface Pin {
  seq: Seq;
  by: string;
  message: Message;
}

const pageSize = 50;

/** What is pinned in a room, the newest pin first. */
export default function PinsPanel({ roomId }: { roomId: RoomId }) {
  const client = useClient();
  const { closePanel, goTo, openThread } = useRoomNavigation(roomId);
  const [pins, setPins] = useState<Pin[]>();
  const [more, setMore] = useState(false);
  const [picture, setPicture] = useState<Picture>();
  const entry = useApp(roomEntry(roomId));
  // Pins change with the room's log: the list is read again when one was made or taken away.
  const changed = useApp((s) => roomEntry(roomId)(s)?.recent.findLast((e) => e.pinned || e.deleted)?.seq ?? 0);

  const load = useCallback(
    async (before: Seq) => {
      const found = await client.rest.get<PinJson[]>(at`/chat/rooms/${roomId}/pins`, { before: before || undefined, limit: pageSize });
      const page = found.map((pin) => ({
        seq: pin.seq ?? 0,
        by: pin.pinnedBy?.username ?? "",
        message: decode.message(pin.message ?? {}),
      }));
      setMore(page.length === pageSize);
      setPins((old) => (before === 0 ? page : [...(old ?? []), ...page]));
    },
    [client, roomId],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: see changed
  useEffect(() => {
    load(0).catch((error) => client.fail(error));
  }, [client, load, changed]);

  const mayUnpin = permissions(entry, Date.now()).pin;
  return (
    <SidePanel title={t("pins.title")} onClose={closePanel}>
      <div className="min-h-0 flex-1 overflow-y-auto p-3">
        {!pins && <Loading />}
        {pins?.length === 0 && <EmptyState icon={PinIcon} title={t("pins.none")} text={t("pins.noneHint")} />}
        <ul className="flex flex-col gap-2">
          {pins?.map(({ seq, by, message }) => (
            <li key={seq}>
              <MessageCard message={message} note={by && t("pins.by", { name: by })} onPicture={setPicture}>
                {mayUnpin && (
                  <Button
                    kind="quiet"
                    className="h-8"
                    onClick={() => client.pin(roomId, message.seq, true).catch((error) => client.fail(error))}
                  >
                    {t("message.unpin")}
                  </Button>
                )}
                <Button
                  kind="quiet"
                  className="h-8"
                  onClick={() => (message.thread ? openThread(message.thread, message.seq) : goTo(message.seq))}
                >
                  {t("message.goTo")}
                </Button>
              </MessageCard>
            </li>
          ))}
        </ul>
        {more && (
          <div className="p-3 text-center">
            <Button kind="quiet" onClick={() => load(pins?.at(-1)?.seq ?? 0).catch((error) => client.fail(error))}>
              {t("common.more")}
            </Button>
          </div>
        )}
      </div>
      <Suspense>{picture && <Lightbox picture={picture} onClose={() => setPicture(undefined)} />}</Suspense>
    </SidePanel>
  );
}
