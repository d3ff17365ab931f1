import { LinkIcon } from "lucide-react";
import { useCallback, useState } from "react";
import { useClient } from "~/features/app/client-context";
import { usePages } from "~/features/app/use-loaded";
import { joinLink } from "~/features/join/join-token";
import { useForm } from "~/features/sign-in/use-form";
import { t } from "~/i18n/all";
import { atMoment } from "~/i18n/dates";
import type { RoomLinkJson } from "~/protocol/gen/natter/rooms/v1/access_pb";
import type { RoomId } from "~/protocol/types";
import { at } from "~/rest/rest.client";
import { Button } from "~/ui/Button";
import { FormError } from "~/ui/FormError";
import { Group, Row } from "~/ui/Group";
import { Secret } from "~/ui/Secret";
import { Select } from "~/ui/Select";

const limit = 50;
const lives = ["3600", "86400", "604800", "2592000"] as const;
const uses = ["0", "1", "5", "25"] as const;

/** Links that let in whoever has them. */
export function InviteLinks({ roomId }: { roomId: RoomId }) {
  const client = useClient();
  const [made, setMade] = useState("");
  const links = usePages(
    useCallback(
      async (last: RoomLinkJson | undefined, signal: AbortSignal) => {
        const items = await client.rest.get<RoomLinkJson[]>(at`/chat/rooms/${roomId}/links`, { after: last?.id, limit }, signal);
        return { items, more: items.length === limit };
      },
      [client, roomId],
    ),
  );
  const form = useForm([], async (data) => {
    const link = await client.rest.post<RoomLinkJson>(at`/chat/rooms/${roomId}/links`, {
      expiresInSeconds: Number(data.get("life")),
      maxUses: Number(data.get("uses")),
    });
    setMade(joinLink(link.token ?? ""));
    links.reload();
  });
  const revoke = async (id: string) => {
    try {
      await client.rest.call("DELETE", at`/chat/rooms/${roomId}/links/${id}`);
      links.change((items) => items.filter((link) => link.id !== id));
      setMade("");
    } catch (error) {
      client.fail(error);
    }
  };
  return (
    <Group title={t("invite.links")} hint={t("invite.linksHint")}>
      <form onSubmit={form.onSubmit} className="flex flex-wrap items-end gap-3">
        <Select
          label={t("invite.expires")}
          name="life"
          defaultValue="604800"
          className="min-w-36 flex-1"
          options={lives.map((value) => ({ value, text: t(`invite.expires.${value}`) }))}
        />
        <Select
          label={t("invite.uses")}
          name="uses"
          className="min-w-36 flex-1"
          options={uses.map((value) => ({ value, text: t(`invite.uses.${value}`) }))}
        />
        <Button type="submit" kind="primary" busy={form.busy} className="h-10">
          {t("invite.newLink")}
        </Button>
      </form>
      <FormError text={form.error || (links.fault?.message ?? "")} />
      {made && <Secret label={t("invite.link")} value={made} hint={t("invite.made")} />}
      {links.more === false && links.items.length === 0 && <p className="text-ink-soft">{t("invite.noLinks")}</p>}
      <ul className="empty:hidden">
        {links.items.map(({ id = "", createdBy, expiresAt, uses = 0, maxUses = 0 }) => (
          <Row key={id}>
            <LinkIcon aria-hidden size={18} className="shrink-0 text-ink-soft" />
            <div className="min-w-0 flex-1">
              <p>{t("invite.linkBy", { name: createdBy?.username ?? "", when: atMoment(expiresAt) })}</p>
              <p className="text-[13px] text-ink-soft">
                {maxUses > 0 ? t("invite.usedOf", { uses, max: maxUses }) : t("invite.used", { uses })}
              </p>
            </div>
            <Button aria-label={t("invite.revokeLabel", { name: createdBy?.username ?? "" })} onClick={() => void revoke(id)}>
              {t("invite.revoke")}
            </Button>
          </Row>
        ))}
      </ul>
      {links.more && (
        <Button className="self-center" busy={links.busy} onClick={links.loadMore}>
          {t("common.more")}
        </Button>
      )}
    </Group>
  );
}
