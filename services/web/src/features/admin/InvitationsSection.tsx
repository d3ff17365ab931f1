import { useCallback, useState } from "react";
import { useClient } from "~/features/app/client-context";
import { ListEnd } from "~/features/app/Lists";
import { usePages } from "~/features/app/use-loaded";
import { useForm } from "~/features/sign-in/use-form";
import { t } from "~/i18n/all";
import { onDay } from "~/i18n/dates";
import type { InvitationJson, ListInvitationsResponseJson } from "~/protocol/gen/natter/auth/v1/accounts_pb";
import { at } from "~/rest/rest.client";
import { Button } from "~/ui/Button";
import { FormError } from "~/ui/FormError";
import { Group, Row } from "~/ui/Group";
import { Secret } from "~/ui/Secret";
import { TextField } from "~/ui/TextField";

/** Invitations to this server, by which people register where others may not. */
export default function InvitationsSection() {
  const client = useClient();
  const [made, setMade] = useState("");
  const [round, setRound] = useState(0);
  const invitations = usePages(
    useCallback(
      async (last: InvitationJson | undefined, signal: AbortSignal) => {
        const page = await client.rest.get<ListInvitationsResponseJson>("/admin/invitations", { before: last?.id, limit: 50 }, signal);
        return { items: page.invitations ?? [], more: page.more ?? false };
      },
      [client],
    ),
  );
  const form = useForm(["note", "maxUses", "days"], async (data) => {
    const { code = "" } = await client.rest.post<InvitationJson>("/admin/invitations", {
      note: String(data.get("note")).trim(),
      maxUses: Number(data.get("maxUses")),
      days: Number(data.get("days")),
    });
    setMade(`${location.origin}/register?invitation=${encodeURIComponent(code)}`);
    setRound((n) => n + 1);
    invitations.reload();
  });
  const takeBack = async (id: string) => {
    try {
      await client.rest.call("DELETE", at`/admin/invitations/${id}`);
      invitations.change((items) => items.filter((i) => i.id !== id));
    } catch (error) {
      client.fail(error);
    }
  };
  return (
    <>
      <Group title={t("admin.newInvitation")} hint={t("admin.invitationsHint")}>
        <form key={round} onSubmit={form.onSubmit} className="flex flex-col gap-4">
          <TextField
            name="note"
            label={t("admin.note")}
            hint={t("admin.noteHint")}
            maxLength={200}
            autoComplete="off"
            error={form.errorOf("note")}
          />
          <div className="flex flex-wrap gap-4">
            <TextField
              name="maxUses"
              type="number"
              label={t("admin.maxUses")}
              defaultValue={1}
              min={1}
              max={10_000}
              required
              className="min-w-40 flex-1"
              error={form.errorOf("maxUses")}
            />
            <TextField
              name="days"
              type="number"
              label={t("admin.days")}
              defaultValue={7}
              min={1}
              max={365}
              required
              className="min-w-40 flex-1"
              error={form.errorOf("days")}
            />
          </div>
          <FormError text={form.error} />
          <Button type="submit" kind="primary" busy={form.busy} className="self-start">
            {t("admin.createInvitation")}
          </Button>
        </form>
        {made && <Secret label={t("admin.invitationLink")} value={made} hint={t("admin.invitationMade")} />}
      </Group>
      <Group
        title={t("admin.invitations")}
        hint={invitations.more === false && invitations.items.length === 0 ? t("admin.noInvitations") : undefined}
      >
        <ul>
          {invitations.items.map(({ id = "", note, uses = 0, maxUses = 1, expiresAt }) => (
            <Row key={id}>
              <div className="min-w-0 flex-1">
                <p className="truncate font-medium">{note || t("admin.withoutNote")}</p>
                <p className="text-[13px] text-ink-soft">{t("admin.invitationLine", { uses, max: maxUses, when: onDay(expiresAt) })}</p>
              </div>
              <Button aria-label={t("admin.takeBackLabel", { note: note || t("admin.withoutNote") })} onClick={() => void takeBack(id)}>
                {t("admin.takeBack")}
              </Button>
            </Row>
          ))}
        </ul>
        <ListEnd list={invitations} />
      </Group>
    </>
  );
}
