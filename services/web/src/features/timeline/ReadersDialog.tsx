import { useEffect, useState } from "react";
import { useClient } from "~/features/app/client-context";
import { Loading } from "~/features/app/pages";
import { t } from "~/i18n/t";
import { userRef } from "~/protocol/decode";
import { toFault } from "~/protocol/fault";
import type { UserRefJson } from "~/protocol/gen/natter/chat/v1/chat_pb";
import type { Message, UserRef } from "~/protocol/types";
import { at } from "~/rest/rest.client";
import { Avatar } from "~/ui/Avatar";
import { Dialog } from "~/ui/Dialog";

/** Who has read a message. */
export default function ReadersDialog({ message: { roomId, seq }, onClose }: { message: Message; onClose(): void }) {
  const client = useClient();
  const [readers, setReaders] = useState<UserRef[]>();
  const [failure, setFailure] = useState("");
  useEffect(() => {
    client.rest.get<UserRefJson[]>(at`/chat/rooms/${roomId}/messages/${seq}/readers`).then(
      (found) => setReaders(found.map(userRef)),
      (error) => setFailure(toFault(error).message),
    );
  }, [client, roomId, seq]);
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={t("message.readers")}>
      {failure !== "" && <p className="text-danger">{failure}</p>}
      {!readers && failure === "" && <Loading />}
      {readers?.length === 0 && <p className="text-ink-soft">{t("message.noReaders")}</p>}
      <ul className="flex flex-col gap-2">
        {readers?.map((who) => (
          <li key={who.id} className="flex items-center gap-2.5">
            <Avatar id={who.id} name={who.username} src={who.avatar} size={28} />
            <span className="truncate">{who.username}</span>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
