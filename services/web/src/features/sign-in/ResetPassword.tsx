import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useClient } from "~/features/app/client-context";
import { t } from "~/i18n/all";
import { Button } from "~/ui/Button";
import { FormError } from "~/ui/FormError";
import { TextField } from "~/ui/TextField";
import { Card } from "./Card";
import { takeToken } from "./link-token";
import { useForm } from "./use-form";

/** Where the link of a mail leads that sets another password. */
export function ResetPassword() {
  const client = useClient();
  const [token] = useState(takeToken);
  const [done, setDone] = useState(false);
  const form = useForm(["password"], async (data) => {
    await client.openRest.post("/auth/password-reset/confirm", { token, password: String(data.get("password")) });
    setDone(true);
  });
  return (
    <Card
      title={t("reset.title")}
      footer={
        <Link to={done ? "/sign-in" : "/forgot-password"} className="font-medium text-accent-ink hover:underline">
          {t(done ? "register.signIn" : "link.another")}
        </Link>
      }
    >
      {done || !token ? (
        <p role="status">{t(done ? "reset.done" : "link.incomplete")}</p>
      ) : (
        <form onSubmit={form.onSubmit} className="flex flex-col gap-4">
          <p className="text-ink-soft">{t("reset.text")}</p>
          <TextField
            name="password"
            type="password"
            label={t("reset.password")}
            hint={t("register.passwordHint")}
            autoComplete="new-password"
            required
            autoFocus
            error={form.errorOf("password")}
          />
          <FormError text={form.error} />
          <Button type="submit" kind="primary" busy={form.busy} className="h-10">
            {t("reset.submit")}
          </Button>
        </form>
      )}
    </Card>
  );
}
