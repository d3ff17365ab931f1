import { useRouter } from "@tanstack/react-router";
import { Check, X } from "lucide-react";
import { useEffect, useState } from "react";
import { useApp, useClient } from "~/features/app/client-context";
import { t } from "~/i18n/t";
import type { RoomInvitationJson } from "~/protocol/gen/natter/rooms/v1/access_pb";
import { at } from "~/rest/rest.client";
import { isLive } from "~/state/selectors";
import { Avatar } from "~/ui/Avatar";
import { IconButton } from "~/ui/IconButton";

/** The rooms that others have invited the user to. */
export function Invitations() {
  const client = useClient();
  const router = useRouter();
  const changes = useApp((s) => s.chat.invitations);
  const live = useApp(isLive);
  const [invitations, setInvitations] = useState<readonly RoomInvitationJson[]>([]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked for again when there are others
  useEffect(() => {
    if (!live) return;
    const stop = new AbortController();
    // Without an answer, those that are shown stay.
    client.rest
      .get<RoomInvitationJson[]>("/chat/invitations", {}, stop.signal)
      .then(setInvitations)
      .catch(() => {});
    return () => stop.abort();
  }, [client, live, changes]);

  const answer = async ({ id = "", room }: RoomInvitationJson, how: "accept" | "decline") => {
    try {
      await client.rest.post(at`/chat/invitations/${id}/${how}`);
      setInvitations((all) => all.filter((i) => i.id !== id));
      if (how === "accept") await router.navigate({ to: "/rooms/$roomId", params: { roomId: room?.id ?? "" } });
    } catch (error) {
      client.fail(error);
    }
  };
  if (invitations.length === 0) return null;
  return (
    <section aria-label={t("invitations.title")} className="mb-2">
      <h2 className="px-2 py-1.5 font-medium text-[13px] text-ink-soft">{t("invitations.title")}</h2>
      <ul className="flex flex-col gap-1">
        {invitations.map((invitation) => {
          const room = invitation.room?.name ?? "";
          return (
            <li key={invitation.id} className="flex items-center gap-2.5 rounded-lg border border-line bg-raised py-1.5 pr-1 pl-2">
              <Avatar square id={invitation.room?.id ?? ""} name={room} src={invitation.room?.avatar} size={26} />
              <div className="min-w-0 flex-1 leading-tight">
                <p className="truncate font-medium">{room}</p>
                <p className="truncate text-ink-soft text-xs">{t("invitations.by", { name: invitation.by?.username ?? "" })}</p>
              </div>
              <IconButton
                icon={Check}
                label={t("invitations.accept", { room })}
                size="small"
                onClick={() => void answer(invitation, "accept")}
              />
              <IconButton
                icon={X}
                label={t("invitations.decline", { room })}
                size="small"
                onClick={() => void answer(invitation, "decline")}
              />
            </li>
          );
        })}
      </ul>
    </section>
  );
}
