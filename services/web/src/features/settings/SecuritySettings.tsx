import { useCallback, useState } from "react";
import { useApp, useClient } from "~/features/app/client-context";
import { Loading } from "~/features/app/pages";
import { useLoaded } from "~/features/app/use-loaded";
import { useForm } from "~/features/sign-in/use-form";
import { t } from "~/i18n/all";
import type { RecoveryCodesJson, SecurityJson } from "~/protocol/gen/natter/auth/v1/accounts_pb";
import { Button } from "~/ui/Button";
import { ConfirmDialog } from "~/ui/ConfirmDialog";
import { Dialog } from "~/ui/Dialog";
import { FormError } from "~/ui/FormError";
import { Group } from "~/ui/Group";
import { TextField } from "~/ui/TextField";
import { Enrolment, RecoveryCodes } from "./Enrolment";
import { Identities } from "./Identities";
import { proof, Reauthenticate } from "./Reauthenticate";

export default function SecuritySettings() {
  const client = useClient();
  const security = useLoaded(useCallback((signal) => client.rest.get<SecurityJson>("/auth/security", {}, signal), [client]));
  if (!security.data) return security.fault ? <FormError text={security.fault.message} /> : <Loading />;
  const { hasPassword = false, hasSecondFactor = false } = security.data;
  return (
    <>
      {hasPassword ? <Password withCode={hasSecondFactor} /> : <NoPassword />}
      {hasPassword && <SecondFactor isOn={hasSecondFactor} onChanged={security.reload} />}
      <Identities />
    </>
  );
}

function Password({ withCode }: { withCode: boolean }) {
  const client = useClient();
  const [round, setRound] = useState(0);
  const form = useForm(["password", "newPassword", "code"], async (data) => {
    await client.rest.post("/auth/password", { ...proof(data), newPassword: String(data.get("newPassword")) });
    setRound((n) => n + 1);
    client.toast(t("security.changed"));
  });
  return (
    <Group title={t("security.password")}>
      <form key={round} onSubmit={form.onSubmit} className="flex max-w-sm flex-col gap-4">
        <Reauthenticate withCode={withCode} errorOf={form.errorOf} />
        <TextField
          name="newPassword"
          type="password"
          label={t("security.new")}
          hint={t("register.passwordHint")}
          autoComplete="new-password"
          required
          error={form.errorOf("newPassword")}
        />
        <FormError text={form.error} />
        <Button type="submit" kind="primary" busy={form.busy} className="self-start">
          {t("security.change")}
        </Button>
      </form>
    </Group>
  );
}

function NoPassword() {
  const client = useClient();
  const email = useApp((s) => s.chat.me?.email ?? s.user?.email);
  const mail = () =>
    client.openRest.post("/auth/password-reset", { email }).then(
      () => client.toast(t("security.mailed")),
      (error) => client.fail(error),
    );
  return (
    <Group
      title={t("security.password")}
      hint={t("security.noPassword")}
      action={<Button onClick={() => void mail()}>{t("security.mailReset")}</Button>}
    />
  );
}

function SecondFactor({ isOn, onChanged }: { isOn: boolean; onChanged(): void }) {
  const client = useClient();
  const [asked, setAsked] = useState<"enrol" | "renew" | "drop">();
  const [codes, setCodes] = useState<readonly string[]>();
  const close = () => setAsked(undefined);
  return (
    <Group
      title={t("security.factor")}
      hint={t("security.factorHint")}
      action={
        <span className={isOn ? "font-medium text-ok" : "font-medium text-ink-soft"}>{t(isOn ? "security.on" : "security.off")}</span>
      }
    >
      <div className="flex flex-wrap gap-2">
        {isOn ? (
          <>
            <Button onClick={() => setAsked("renew")}>{t("security.renew")}</Button>
            <Button kind="danger" onClick={() => setAsked("drop")}>
              {t("security.turnOff")}
            </Button>
          </>
        ) : (
          <Button kind="primary" onClick={() => setAsked("enrol")}>
            {t("security.setUp")}
          </Button>
        )}
      </div>
      {asked === "enrol" && <Enrolment onClose={close} onDone={onChanged} />}
      {asked === "renew" && (
        <ConfirmDialog
          title={t("security.renew")}
          text={t("security.codesText")}
          submit={t("security.next")}
          onConfirm={async (data) => {
            const answer = await client.rest.post<RecoveryCodesJson>("/auth/second-factor/recovery-codes", proof(data));
            setCodes(answer.recoveryCodes ?? []);
          }}
          onClose={close}
        >
          <Reauthenticate withCode />
        </ConfirmDialog>
      )}
      {asked === "drop" && (
        <ConfirmDialog
          title={t("security.turnOff")}
          text={t("security.factorHint")}
          submit={t("security.turnOff")}
          danger
          onConfirm={async (data) => {
            await client.rest.post("/auth/second-factor/remove", proof(data));
            onChanged();
          }}
          onClose={close}
        >
          <Reauthenticate withCode />
        </ConfirmDialog>
      )}
      {codes && (
        <Dialog open onOpenChange={() => setCodes(undefined)} title={t("security.codesTitle")} description={t("security.codesText")}>
          <RecoveryCodes codes={codes} onKept={() => setCodes(undefined)} />
        </Dialog>
      )}
    </Group>
  );
}
