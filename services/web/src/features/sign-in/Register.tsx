import { Link, useRouter } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { useClient } from "~/features/app/client-context";
import { t } from "~/i18n/all";
import { Button } from "~/ui/Button";
import { FormError } from "~/ui/FormError";
import { TextField } from "~/ui/TextField";
import { Card } from "./Card";
import { Providers } from "./Providers";
import { safePath } from "./return-to";
import { Unverified } from "./Unverified";
import { useForm } from "./use-form";

export function Register({ from, invitation }: { from: string | undefined; invitation: string | undefined }) {
  const client = useClient();
  const router = useRouter();
  const given = useRef("");
  const [mailedTo, setMailedTo] = useState("");
  const [invited, setInvited] = useState(Boolean(invitation));
  const form = useForm(
    ["email", "username", "password", "invitation"],
    async (data) => {
      const email = String(data.get("email")).trim();
      const code = String(data.get("invitation") ?? "").trim();
      given.current = email;
      await client.auth.register({
        email,
        username: String(data.get("username")).trim(),
        password: String(data.get("password")),
        ...(code && { invitation: code }),
      });
      await router.navigate({ href: safePath(from), replace: true });
    },
    (fault) => {
      if (fault.field === "invitation") setInvited(true);
      if (fault.code === "email_not_verified") setMailedTo(given.current);
      return fault.code === "email_not_verified";
    },
  );
  if (mailedTo) return <Unverified email={mailedTo} text={t("register.verify", { email: mailedTo })} />;
  return (
    <Card
      title={t("register.title")}
      footer={
        <>
          {t("register.haveAccount")}{" "}
          <Link to="/sign-in" search={from ? { from } : {}} className="font-medium text-accent-ink hover:underline">
            {t("register.signIn")}
          </Link>
        </>
      }
    >
      <Providers from={from} invitation={invitation} />
      <form onSubmit={form.onSubmit} className="flex flex-col gap-4">
        <TextField
          name="email"
          type="email"
          label={t("signIn.email")}
          autoComplete="email"
          required
          autoFocus
          error={form.errorOf("email")}
        />
        <TextField
          name="username"
          label={t("register.username")}
          hint={t("register.usernameHint")}
          autoComplete="username"
          required
          error={form.errorOf("username")}
        />
        <TextField
          name="password"
          type="password"
          label={t("signIn.password")}
          hint={t("register.passwordHint")}
          autoComplete="new-password"
          required
          error={form.errorOf("password")}
        />
        {invited ? (
          <TextField
            name="invitation"
            label={t("register.invitation")}
            hint={t("register.invitationHint")}
            autoComplete="off"
            defaultValue={invitation}
            error={form.errorOf("invitation")}
          />
        ) : (
          <button type="button" onClick={() => setInvited(true)} className="self-start text-[13px] text-accent-ink hover:underline">
            {t("register.haveInvitation")}
          </button>
        )}
        <FormError text={form.error} />
        <Button type="submit" kind="primary" busy={form.busy} className="h-10">
          {t("register.submit")}
        </Button>
      </form>
    </Card>
  );
}
