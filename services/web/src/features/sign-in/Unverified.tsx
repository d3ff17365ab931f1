import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useClient } from "~/features/app/client-context";
import { t } from "~/i18n/all";
import { Button } from "~/ui/Button";
import { FormError } from "~/ui/FormError";
import { Card } from "./Card";
import { useForm } from "./use-form";

/** Somebody has an account that waits for its e-mail address to be verified. */
export function Unverified({ email, text }: { email: string; text: string }) {
  const client = useClient();
  const [sent, setSent] = useState(false);
  const form = useForm([], async () => {
    await client.openRest.post("/auth/verification", { email });
    setSent(true);
  });
  return (
    <Card
      title={t("verify.title")}
      footer={
        <Link to="/sign-in" reloadDocument className="font-medium text-accent-ink hover:underline">
          {t("forgot.back")}
        </Link>
      }
    >
      <form onSubmit={form.onSubmit} className="flex flex-col gap-4">
        <p role="status">{sent ? t("signIn.sentAgain") : text}</p>
        <FormError text={form.error} />
        {!sent && (
          <Button type="submit" busy={form.busy} className="h-10">
            {t("signIn.sendAgain")}
          </Button>
        )}
      </form>
    </Card>
  );
}
