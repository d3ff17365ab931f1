import { t } from "~/i18n/all";
import { TextField } from "~/ui/TextField";

interface Props {
  /** The account has a second factor: the password alone is not enough. */
  withCode: boolean;
  errorOf?(field: string): string;
}

/** Who is signed in shows that it is still them: a session that was left open must not be worth the account. */
export const Reauthenticate = ({ withCode, errorOf }: Props) => (
  <>
    <TextField
      name="password"
      type="password"
      label={t("security.current")}
      autoComplete="current-password"
      required
      error={errorOf?.("password")}
    />
    {withCode && (
      <TextField name="code" label={t("security.codeOrRecovery")} autoComplete="one-time-code" required error={errorOf?.("code")} />
    )}
  </>
);

/** The fields of Reauthenticate, as the server wants them. */
export const proof = (data: FormData): { password: string; code: string } => ({
  password: String(data.get("password") ?? ""),
  code: String(data.get("code") ?? "").trim(),
});
