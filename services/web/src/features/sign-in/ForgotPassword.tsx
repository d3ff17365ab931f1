import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useClient } from "~/features/app/client-context";
import { t } from "~/i18n/all";
import { Button } from "~/ui/Button";
import { FormError } from "~/ui/FormError";
import { TextField } from "~/ui/TextField";
import { Card } from "./Card";
import { useForm } from "./use-form";

/** Mails a link that sets another password. What is said does not tell whether there is such an account. */
export function ForgotPassword() {
  const client = useClient();
  const [sent, setSent] = useState(false);
  const form = useForm(["email"], async (data) => {
    await client.openRest.post("/auth/password-reset", { email: String(data.get("email")).trim() });
    setSent(true);
  });
  return (
    <Card
      title={t("forgot.title")}
      footer={
        <Link to="/sign-in" className="font-medium text-accent-ink hover:underline">
          {t("forgot.back")}
        </Link>
      }
    >
      {sent ? (
        <p role="status">{t("forgot.sent")}</p>
      ) : (
        <form onSubmit={form.onSubmit} className="flex flex-col gap-4">
          <p className="text-ink-soft">{t("forgot.text")}</p>
          <TextField
            name="email"
            type="email"
            label={t("signIn.email")}
            autoComplete="username"
            required
            autoFocus
            error={form.errorOf("email")}
          />
          <FormError text={form.error} />
          <Button type="submit" kind="primary" busy={form.busy} className="h-10">
            {t("forgot.submit")}
          </Button>
        </form>
      )}
    </Card>
  );
}
