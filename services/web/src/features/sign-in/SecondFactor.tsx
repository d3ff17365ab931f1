import { useState } from "react";
import { t } from "~/i18n/all";
import { Button } from "~/ui/Button";
import { FormError } from "~/ui/FormError";
import { TextField } from "~/ui/TextField";
import { Card } from "./Card";
import { useForm } from "./use-form";

/** The step after the password: a code of the authenticator app, or one that was kept for the day it is lost. */
export function SecondFactor({ onCode, onBack }: { onCode(code: string): Promise<void>; onBack(): void }) {
  const [kind, setKind] = useState<"code" | "recovery">("code");
  const form = useForm(["code"], (data) => onCode(String(data.get("code")).trim()));
  return (
    <Card
      title={t("secondFactor.title")}
      footer={
        <button type="button" onClick={onBack} className="font-medium text-accent-ink hover:underline">
          {t("secondFactor.back")}
        </button>
      }
    >
      <form onSubmit={form.onSubmit} className="flex flex-col gap-4">
        <p className="text-ink-soft">{t("secondFactor.text")}</p>
        <TextField
          key={kind}
          name="code"
          label={t(`secondFactor.${kind}`)}
          hint={t(`secondFactor.${kind}Hint`)}
          autoComplete="one-time-code"
          inputMode={kind === "code" ? "numeric" : "text"}
          required
          autoFocus
          error={form.errorOf("code")}
        />
        <FormError text={form.error} />
        <Button type="submit" kind="primary" busy={form.busy} className="h-10">
          {t("signIn.submit")}
        </Button>
        <button
          type="button"
          onClick={() => setKind(kind === "code" ? "recovery" : "code")}
          className="self-center text-[13px] text-accent-ink hover:underline"
        >
          {t(kind === "code" ? "secondFactor.useRecovery" : "secondFactor.useApp")}
        </button>
      </form>
    </Card>
  );
}
