import { useCallback, useState } from "react";
import { useClient } from "~/features/app/client-context";
import { useLoaded } from "~/features/app/use-loaded";
import { AvatarField } from "~/features/profile/AvatarField";
import { t } from "~/i18n/all";
import type { UserJson } from "~/protocol/gen/natter/chat/v1/chat_pb";
import { at } from "~/rest/rest.client";
import { Avatar } from "~/ui/Avatar";
import { Button } from "~/ui/Button";
import { ConfirmDialog } from "~/ui/ConfirmDialog";
import { FormError } from "~/ui/FormError";
import { Group } from "~/ui/Group";
import { TextField } from "~/ui/TextField";
import { TokenList } from "./TokenList";

export default function TokenSettings() {
  const client = useClient();
  const bots = useLoaded(useCallback((signal) => client.rest.get<UserJson[]>("/auth/bots", {}, signal), [client]));
  const [making, setMaking] = useState(false);
  const [avatar, setAvatar] = useState("");
  const [deleting, setDeleting] = useState<UserJson>();
  return (
    <>
      <Group title={t("tokens.mine")} hint={t("tokens.text")}>
        <TokenList bot={undefined} />
      </Group>
      <Group
        title={t("tokens.bots")}
        hint={t("tokens.botsHint")}
        action={<Button onClick={() => setMaking(true)}>{t("tokens.newBot")}</Button>}
      >
        <FormError text={bots.fault?.message ?? ""} />
        {bots.data?.length === 0 && <p className="text-ink-soft">{t("tokens.noBots")}</p>}
        {bots.data?.map((bot) => (
          <section key={bot.id} aria-label={bot.username} className="rounded-lg border border-line p-3">
            <div className="mb-3 flex items-center gap-3">
              <Avatar id={bot.id ?? ""} name={bot.username ?? ""} src={bot.avatar} size={32} />
              <h3 className="min-w-0 flex-1 truncate font-medium">{bot.username}</h3>
              <Button kind="danger" onClick={() => setDeleting(bot)}>
                {t("tokens.deleteBot")}
              </Button>
            </div>
            <TokenList bot={bot} />
          </section>
        ))}
      </Group>
      {making && (
        <ConfirmDialog
          title={t("tokens.newBot")}
          text={t("tokens.botsHint")}
          submit={t("tokens.create")}
          onConfirm={async (data) => {
            await client.rest.post("/auth/bots", { username: String(data.get("username")).trim(), avatar });
            bots.reload();
          }}
          onClose={() => {
            setMaking(false);
            setAvatar("");
          }}
        >
          <TextField name="username" label={t("tokens.botName")} required autoFocus autoComplete="off" />
          <AvatarField id="bot" name="B" src={avatar} onChange={async (path) => setAvatar(path)} />
        </ConfirmDialog>
      )}
      {deleting && (
        <ConfirmDialog
          title={t("tokens.deleteBotTitle", { bot: deleting.username ?? "" })}
          text={t("tokens.deleteBotText")}
          submit={t("tokens.deleteBot")}
          danger
          onConfirm={async () => {
            await client.rest.call("DELETE", at`/auth/bots/${deleting.id ?? ""}`);
            bots.reload();
          }}
          onClose={() => setDeleting(undefined)}
        />
      )}
    </>
  );
}
