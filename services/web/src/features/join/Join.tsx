import { Link, useRouter } from "@tanstack/react-router";
import { LinkIcon } from "lucide-react";
import { useEffect, useState } from "react";
import { useClient } from "~/features/app/client-context";
import { Loading } from "~/features/app/pages";
import { Card } from "~/features/sign-in/Card";
import { useForm } from "~/features/sign-in/use-form";
import { t } from "~/i18n/all";
import * as decode from "~/protocol/decode";
import { toFault } from "~/protocol/fault";
import type { LinkPreviewJson } from "~/protocol/gen/natter/rooms/v1/access_pb";
import type { RoomJson } from "~/protocol/types";
import { Avatar } from "~/ui/Avatar";
import { Button } from "~/ui/Button";
import { EmptyState } from "~/ui/EmptyState";
import { FormError } from "~/ui/FormError";
import { forgetJoinToken, joinToken } from "./join-token";

/** Shows the room that an invite link leads to, and asks before it is joined. */
export function Join() {
  const client = useClient();
  const router = useRouter();
  const [token] = useState(joinToken);
  const [preview, setPreview] = useState<LinkPreviewJson>();
  const [broken, setBroken] = useState(token ? "" : t("join.brokenHint"));
  useEffect(() => {
    if (!token) return;
    client.rest.post<LinkPreviewJson>("/chat/links/preview", { token }).then(setPreview, (error) => {
      const fault = toFault(error);
      setBroken(fault.code === "not_found" ? t("join.brokenHint") : fault.message);
    });
  }, [client, token]);
  const room = decode.room(preview?.room);
  const form = useForm([], async () => {
    if (!preview?.isMember) await client.rest.post<RoomJson>("/chat/links/join", { token });
    forgetJoinToken();
    await router.navigate({ to: "/rooms/$roomId", params: { roomId: room.id }, replace: true });
  });
  if (broken) {
    return (
      <main className="h-dvh">
        <EmptyState
          icon={LinkIcon}
          title={t("join.broken")}
          text={broken}
          action={
            <Link to="/rooms" onClick={forgetJoinToken} className="font-medium text-accent-ink hover:underline">
              {t("join.home")}
            </Link>
          }
        />
      </main>
    );
  }
  if (!preview) return <Loading />;
  return (
    <Card
      title={t("join.title")}
      footer={
        <Link to="/rooms" onClick={forgetJoinToken} className="font-medium text-accent-ink hover:underline">
          {t("join.home")}
        </Link>
      }
    >
      <form onSubmit={form.onSubmit} className="flex flex-col items-center gap-3 text-center">
        <Avatar id={room.id} name={room.name} src={room.avatar} size={64} square />
        <div>
          <h2 className="font-semibold text-[19px]">{room.name}</h2>
          <p className="text-ink-soft">{t("rooms.members", { count: room.memberCount })}</p>
          {(room.topic || room.description) && <p className="mt-2">{room.topic || room.description}</p>}
        </div>
        <FormError text={form.error} />
        <Button type="submit" kind="primary" busy={form.busy} className="h-10 w-full">
          {t(preview.isMember ? "join.open" : "join.submit")}
        </Button>
      </form>
    </Card>
  );
}
