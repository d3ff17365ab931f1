import { Link, useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { useClient } from "~/features/app/client-context";
import { t } from "~/i18n/t";
import { Button } from "~/ui/Button";
import { TextField } from "~/ui/TextField";
import { Card, FormError } from "./Card";
import { safePath } from "./guards";
import { useForm } from "./use-form";

export function Register({ from, invitation }: { from: string | undefined; invitation: string | undefined }) {
  const client = useClient();
  const router = useRouter();
  const [mailed, setMailed] = useState(false);
  const form = useForm(
    ["email", "username", "password"],
    async (data) => {
      await client.auth.register({
        email: String(data.get("email")),
        username: String(data.get("username")),
        password: String(data.get("password")),
        ...(invitation && { invitation }),
      });
      await router.navigate({ href: safePath(from), replace: true });
    },
    (fault) => {
      setMailed(fault.code === "email_not_verified");
      return fault.code === "email_not_verified";
    },
  );
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
      {mailed ? (
        <p role="status">{t("register.verify")}</p>
      ) : (
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
          <FormError text={form.error} />
          <Button type="submit" kind="primary" busy={form.busy} className="h-10">
            {t("register.submit")}
          </Button>
        </form>
      )}
    </Card>
  );
}
