import { Link, useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { useClient } from "~/features/app/client-context";
import { t } from "~/i18n/t";
import { Button } from "~/ui/Button";
import { TextField } from "~/ui/TextField";
import { Card, FormError } from "./Card";
import { safePath } from "./guards";
import { useForm } from "./use-form";

/** Signs in by password, and by a code when the account has a second factor. */
export function SignIn({ from }: { from: string | undefined }) {
  const client = useClient();
  const router = useRouter();
  const [needsCode, setNeedsCode] = useState(false);
  const form = useForm(
    ["email", "password", "code"],
    async (data) => {
      const code = String(data.get("code") ?? "").trim();
      await client.auth.signIn({ email: String(data.get("email")), password: String(data.get("password")), ...(code && { code }) });
      await router.navigate({ href: safePath(from), replace: true });
    },
    (fault) => {
      if (fault.code !== "second_factor_required" || needsCode) return false;
      setNeedsCode(true);
      return true;
    },
  );
  return (
    <Card
      title={t("signIn.title")}
      footer={
        <>
          {t("signIn.noAccount")}{" "}
          <Link to="/register" search={from ? { from } : {}} className="font-medium text-accent-ink hover:underline">
            {t("signIn.register")}
          </Link>
        </>
      }
    >
      <form onSubmit={form.onSubmit} className="flex flex-col gap-4">
        <TextField
          name="email"
          type="email"
          label={t("signIn.email")}
          autoComplete="username"
          required
          autoFocus
          error={form.errorOf("email")}
        />
        <TextField
          name="password"
          type="password"
          label={t("signIn.password")}
          autoComplete="current-password"
          required
          error={form.errorOf("password")}
        />
        {needsCode && (
          <TextField
            name="code"
            label={t("signIn.code")}
            hint={t("signIn.codeHint")}
            autoComplete="one-time-code"
            inputMode="text"
            required
            autoFocus
            error={form.errorOf("code")}
          />
        )}
        <FormError text={form.error} />
        <Button type="submit" kind="primary" busy={form.busy} className="h-10">
          {t("signIn.submit")}
        </Button>
      </form>
    </Card>
  );
}
