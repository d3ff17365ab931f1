import { Link, useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { useClient } from "~/features/app/client-context";
import { t } from "~/i18n/all";
import { Button } from "~/ui/Button";
import { FormError } from "~/ui/FormError";
import { TextField } from "~/ui/TextField";
import { Card } from "./Card";
import { Providers } from "./Providers";
import { safePath } from "./return-to";
import { SecondFactor } from "./SecondFactor";
import { Unverified } from "./Unverified";
import { useForm } from "./use-form";

/** Signs in by a provider, or by password; then by a code, when the account has a second factor. */
export function SignIn({ from }: { from: string | undefined }) {
  const client = useClient();
  const router = useRouter();
  const [given, setGiven] = useState({ email: "", password: "" });
  const [step, setStep] = useState<"password" | "code" | "verify">("password");
  const enter = async (form: { email: string; password: string; code?: string }) => {
    await client.auth.signIn(form);
    await router.navigate({ href: safePath(from), replace: true });
  };
  const form = useForm(
    ["email", "password"],
    (data) => {
      const form = { email: String(data.get("email")).trim(), password: String(data.get("password")) };
      setGiven(form);
      return enter(form);
    },
    ({ code }) => {
      if (code === "second_factor_required") setStep("code");
      else if (code === "email_not_verified") setStep("verify");
      else return false;
      return true;
    },
  );
  if (step === "code") return <SecondFactor onCode={(code) => enter({ ...given, code })} onBack={() => setStep("password")} />;
  if (step === "verify") return <Unverified email={given.email} text={t("signIn.unverified")} />;
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
      <Providers from={from} />
      <form onSubmit={form.onSubmit} className="flex flex-col gap-4">
        <TextField
          name="email"
          type="email"
          label={t("signIn.email")}
          autoComplete="username"
          required
          autoFocus
          defaultValue={given.email}
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
        <FormError text={form.error} />
        <Button type="submit" kind="primary" busy={form.busy} className="h-10">
          {t("signIn.submit")}
        </Button>
        <Link to="/forgot-password" className="self-center text-[13px] text-accent-ink hover:underline">
          {t("signIn.forgot")}
        </Link>
      </form>
    </Card>
  );
}
