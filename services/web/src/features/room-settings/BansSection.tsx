import { Ban } from "lucide-react";
import { useCallback } from "react";
import { useClient } from "~/features/app/client-context";
import { ListEnd } from "~/features/app/Lists";
import { usePages } from "~/features/app/use-loaded";
import { t } from "~/i18n/all";
import { atMoment, onDay } from "~/i18n/dates";
import type { BanJson } from "~/protocol/gen/natter/rooms/v1/moderation_pb";
import type { RoomId } from "~/protocol/types";
import { at } from "~/rest/rest.client";
import { Avatar } from "~/ui/Avatar";
import { Button } from "~/ui/Button";
import { EmptyState } from "~/ui/EmptyState";
import { Row } from "~/ui/Group";

const limit = 50;

export default function BansSection({ roomId }: { roomId: RoomId }) {
  const client = useClient();
  const bans = usePages(
    useCallback(
      async (last: BanJson | undefined, signal: AbortSignal) => {
        const items = await client.rest.get<BanJson[]>(at`/chat/rooms/${roomId}/bans`, { after: last?.user?.id, limit }, signal);
        return { items, more: items.length === limit };
      },
      [client, roomId],
    ),
  );
  const lift = async (userId: string) => {
    try {
      await client.rest.call("DELETE", at`/chat/rooms/${roomId}/bans/${userId}`);
      bans.change((items) => items.filter(({ user }) => user?.id !== userId));
    } catch (error) {
      client.fail(error);
    }
  };
  if (bans.more === false && bans.items.length === 0) {
    return (
      <div className="flex-1">
        <EmptyState icon={Ban} title={t("bans.none")} text={t("bans.noneHint")} />
      </div>
    );
  }
  return (
    <div className="flex flex-col">
      <ul>
        {bans.items.map(({ user = {}, by, reason, createdAt, expiresAt }) => (
          <Row key={user.id}>
            <Avatar id={user.id ?? ""} name={user.username ?? ""} src={user.avatar} size={36} />
            <div className="min-w-0 flex-1">
              <p className="font-medium">{user.username}</p>
              {reason && <p>{reason}</p>}
              <p className="text-[13px] text-ink-soft">
                {t("bans.by", { name: by?.username ?? "", when: onDay(createdAt) })} ·{" "}
                {expiresAt ? t("bans.until", { when: atMoment(expiresAt) }) : t("bans.forGood")}
              </p>
            </div>
            <Button aria-label={t("bans.liftLabel", { name: user.username ?? "" })} onClick={() => void lift(user.id ?? "")}>
              {t("bans.lift")}
            </Button>
          </Row>
        ))}
      </ul>
      <ListEnd list={bans} />
    </div>
  );
}
