import { useCallback, useState } from "react";
import { useApp, useClient } from "~/features/app/client-context";
import { useLoaded } from "~/features/app/use-loaded";
import { AvatarField } from "~/features/profile/AvatarField";
import StatusDialog from "~/features/profile/StatusDialog";
import { holds, statusLine } from "~/features/profile/status";
import { useForm } from "~/features/sign-in/use-form";
import { t } from "~/i18n/all";
import { atMoment } from "~/i18n/dates";
import type { StatusJson } from "~/protocol/gen/natter/chat/v1/chat_pb";
import { Button } from "~/ui/Button";
import { FormError } from "~/ui/FormError";
import { Group } from "~/ui/Group";
import { TextField } from "~/ui/TextField";

export default function ProfileSettings() {
  const client = useClient();
  const me = useApp((s) => s.chat.me ?? s.user);
  const form = useForm(["username"], async (data) => {
    await client.rest.call("PATCH", "/auth/me", { body: { username: String(data.get("username")).trim() } });
    client.toast(t("settings.saved"));
  });
  if (!me) return null;
  return (
    <>
      <Group title={t("settings.picture")}>
        <AvatarField
          id={me.id}
          name={me.username}
          src={me.avatar}
          onChange={(avatar) => client.rest.call("PATCH", "/auth/me", { body: { avatar } })}
        />
      </Group>
      <Group title={t("settings.username")} hint={t("register.usernameHint")}>
        <form onSubmit={form.onSubmit} className="flex flex-wrap items-end gap-3">
          <TextField
            key={me.username}
            name="username"
            label={t("settings.username")}
            defaultValue={me.username}
            autoComplete="username"
            required
            className="min-w-56 flex-1"
            error={form.errorOf("username")}
          />
          <Button type="submit" kind="primary" busy={form.busy} className="h-10">
            {t("settings.save")}
          </Button>
          <FormError text={form.error} />
        </form>
      </Group>
      <OwnStatus />
    </>
  );
}

function OwnStatus() {
  const client = useClient();
  const [open, setOpen] = useState(false);
  const status = useLoaded(useCallback((signal) => client.rest.get<StatusJson>("/auth/me/status", {}, signal), [client]));
  const now = { text: "", emoji: "", doNotDisturb: false, ...status.data };
  const says = holds(now, Date.now());
  return (
    <Group
      title={t("settings.status")}
      hint={says ? undefined : t("settings.noStatus")}
      action={<Button onClick={() => setOpen(true)}>{t(says ? "account.changeStatus" : "account.setStatus")}</Button>}
    >
      {says && (
        <p>
          {statusLine(now)}{" "}
          {now.expiresAt && <span className="text-ink-soft">{t("profile.until", { when: atMoment(now.expiresAt) })}</span>}
        </p>
      )}
      {open && (
        <StatusDialog
          onClose={() => {
            setOpen(false);
            status.reload();
          }}
        />
      )}
    </Group>
  );
}
