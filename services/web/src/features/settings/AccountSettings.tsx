import { useCallback, useState } from "react";
import { useApp, useClient } from "~/features/app/client-context";
import { Loading } from "~/features/app/pages";
import { useLoaded } from "~/features/app/use-loaded";
import { useForm } from "~/features/sign-in/use-form";
import { t } from "~/i18n/all";
import type { SecurityJson } from "~/protocol/gen/natter/auth/v1/accounts_pb";
import { Button } from "~/ui/Button";
import { ConfirmDialog } from "~/ui/ConfirmDialog";
import { FormError } from "~/ui/FormError";
import { Group } from "~/ui/Group";
import { TextField } from "~/ui/TextField";
import { proof, Reauthenticate } from "./Reauthenticate";

export default function AccountSettings() {
  const client = useClient();
  const [asked, setAsked] = useState<"deactivate" | "delete">();
  const security = useLoaded(useCallback((signal) => client.rest.get<SecurityJson>("/auth/security", {}, signal), [client]));
  if (!security.data) return security.fault ? <FormError text={security.fault.message} /> : <Loading />;
  const { hasSecondFactor = false, hasPassword = false, emailVerified = false } = security.data;
  const end = async (what: "deactivate" | "delete", data: FormData) => {
    await client.rest.post(`/auth/me/${what}`, proof(data));
    client.auth.forget();
  };
  return (
    <>
      <Email withCode={hasSecondFactor} canChange={hasPassword} isVerified={emailVerified} />
      <Group
        title={t("mine.signOutAll")}
        hint={t("mine.signOutAllHint")}
        action={<Button onClick={() => void client.auth.signOut(true).catch((error) => client.fail(error))}>{t("mine.signOutAll")}</Button>}
      />
      {hasPassword && (
        <>
          <Group
            title={t("mine.deactivate")}
            hint={t("mine.deactivateHint")}
            action={<Button onClick={() => setAsked("deactivate")}>{t("mine.deactivate")}</Button>}
          />
          <Group
            title={t("mine.delete")}
            hint={t("mine.deleteHint")}
            action={
              <Button kind="danger" onClick={() => setAsked("delete")}>
                {t("mine.delete")}
              </Button>
            }
          />
        </>
      )}
      {asked && (
        <ConfirmDialog
          title={t(`mine.${asked}Title`)}
          text={t(`mine.${asked}Hint`)}
          submit={t(asked === "delete" ? "mine.deleteConfirm" : "mine.deactivate")}
          danger
          onConfirm={(data) => end(asked, data)}
          onClose={() => setAsked(undefined)}
        >
          <Reauthenticate withCode={hasSecondFactor} />
        </ConfirmDialog>
      )}
    </>
  );
}

function Email({ withCode, canChange, isVerified }: { withCode: boolean; canChange: boolean; isVerified: boolean }) {
  const client = useClient();
  const email = useApp((s) => s.chat.me?.email ?? s.user?.email) ?? "";
  const [mailedTo, setMailedTo] = useState("");
  const form = useForm(["email", "password", "code"], async (data) => {
    const to = String(data.get("email")).trim();
    await client.rest.post("/auth/email", { email: to, ...proof(data) });
    setMailedTo(to);
  });
  const verify = () =>
    client.openRest.post("/auth/verification", { email }).then(
      () => setMailedTo(email),
      (error) => client.fail(error),
    );
  return (
    <Group
      title={t("mine.email")}
      hint={t(isVerified ? "mine.verified" : "mine.unverified", { email })}
      action={!isVerified && !mailedTo && <Button onClick={() => void verify()}>{t("signIn.sendAgain")}</Button>}
    >
      {mailedTo ? (
        <p role="status">{t("mine.emailMailed", { email: mailedTo })}</p>
      ) : (
        canChange && (
          <form onSubmit={form.onSubmit} className="flex max-w-sm flex-col gap-4">
            <TextField
              name="email"
              type="email"
              label={t("mine.newEmail")}
              hint={t("mine.emailHint")}
              autoComplete="email"
              required
              error={form.errorOf("email")}
            />
            <Reauthenticate withCode={withCode} errorOf={form.errorOf} />
            <FormError text={form.error} />
            <Button type="submit" busy={form.busy} className="self-start">
              {t("mine.changeEmail")}
            </Button>
          </form>
        )
      )}
    </Group>
  );
}
