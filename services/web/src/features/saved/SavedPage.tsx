import { Link } from "@tanstack/react-router";
import { Bookmark } from "lucide-react";
import { lazy, Suspense, useCallback, useEffect, useState } from "react";
import { useApp, useClient } from "~/features/app/client-context";
import { PageFrame } from "~/features/app/PageFrame";
import { Loading } from "~/features/app/pages";
import type { Picture } from "~/features/files/Attachment";
import { MessageCard } from "~/features/timeline/MessageCard";
import { t } from "~/i18n/t";
import * as decode from "~/protocol/decode";
import type { SavedJson } from "~/protocol/gen/natter/message_store/v1/history_pb";
import type { Message } from "~/protocol/types";
import { at } from "~/rest/rest.client";
import { roomEntry, roomTitle } from "~/state/selectors";
import { Button } from "~/ui/Button";
import { EmptyState } from "~/ui/EmptyState";

const Lightbox = lazy(() => import("~/features/files/Lightbox"));

interface Saved {
  id: string;
  message: Message;
}

const pageSize = 50;

/** What the user saved for later, the newest first. */
export function SavedPage() {
  const client = useClient();
  const [saved, setSaved] = useState<Saved[]>();
  const [more, setMore] = useState(false);
  const [picture, setPicture] = useState<Picture>();

  const load = useCallback(
    async (before: string) => {
      const found = await client.rest.get<SavedJson[]>("/chat/saved", { before: before || undefined, limit: pageSize });
      setMore(found.length === pageSize);
      const page = found.map(({ id = "", message = {} }) => ({ id, message: decode.message(message) }));
      setSaved((old) => (before === "" ? page : [...(old ?? []), ...page]));
    },
    [client],
  );
  useEffect(() => {
    load("").catch((error) => client.fail(error));
  }, [client, load]);

  const remove = async ({ id, message }: Saved) => {
    try {
      await client.rest.call("DELETE", at`/chat/rooms/${message.roomId}/messages/${message.seq}/saved`);
      setSaved((old) => old?.filter((one) => one.id !== id));
    } catch (error) {
      client.fail(error);
    }
  };
  return (
    <PageFrame title={t("saved.title")}>
      {!saved && <Loading />}
      {saved?.length === 0 && <EmptyState icon={Bookmark} title={t("saved.none")} text={t("saved.noneHint")} />}
      <ul className="flex flex-col gap-3">
        {saved?.map((one) => (
          <li key={one.id}>
            <MessageCard message={one.message} note={<RoomName roomId={one.message.roomId} />} onPicture={setPicture}>
              <Button kind="quiet" className="h-8" onClick={() => void remove(one)}>
                {t("saved.remove")}
              </Button>
              <Link
                to="/rooms/$roomId"
                params={{ roomId: one.message.roomId }}
                search={{ at: one.message.seq, thread: one.message.thread || undefined }}
                className="inline-flex h-8 items-center rounded-lg px-3.5 font-medium text-ink-soft hover:bg-hover hover:text-ink"
              >
                {t("message.goTo")}
              </Link>
            </MessageCard>
          </li>
        ))}
      </ul>
      {more && (
        <div className="p-3 text-center">
          <Button kind="quiet" onClick={() => load(saved?.at(-1)?.id ?? "").catch((error) => client.fail(error))}>
            {t("common.more")}
          </Button>
        </div>
      )}
      <Suspense>{picture && <Lightbox picture={picture} onClose={() => setPicture(undefined)} />}</Suspense>
    </PageFrame>
  );
}

function RoomName({ roomId }: { roomId: string }) {
  return useApp((s) => {
    const entry = roomEntry(roomId)(s);
    return entry ? roomTitle(entry, s.chat.me?.id) : "";
  });
}
