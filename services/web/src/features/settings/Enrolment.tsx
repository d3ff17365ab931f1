import { useState } from "react";
import { encode } from "uqr";
import { useClient } from "~/features/app/client-context";
import { useForm } from "~/features/sign-in/use-form";
import { t } from "~/i18n/all";
import type { OfferSecondFactorResponseJson, RecoveryCodesJson } from "~/protocol/gen/natter/auth/v1/accounts_pb";
import { Button } from "~/ui/Button";
import { Dialog } from "~/ui/Dialog";
import { FormError } from "~/ui/FormError";
import { TextField } from "~/ui/TextField";

/** Sets up two-step verification: the password, then the secret for the app and a code of it, then the recovery codes. */
export function Enrolment({ onClose, onDone }: { onClose(): void; onDone(): void }) {
  const client = useClient();
  const [offer, setOffer] = useState<OfferSecondFactorResponseJson>();
  const [codes, setCodes] = useState<readonly string[]>();
  const ask = useForm(["password"], async (data) => {
    setOffer(await client.rest.post<OfferSecondFactorResponseJson>("/auth/second-factor", { password: String(data.get("password")) }));
  });
  const confirm = useForm(["code"], async (data) => {
    const code = String(data.get("code")).trim();
    setCodes((await client.rest.post<RecoveryCodesJson>("/auth/second-factor/confirm", { code })).recoveryCodes ?? []);
    onDone();
  });
  if (codes) {
    return (
      <Dialog open onOpenChange={onClose} title={t("security.codesTitle")} description={t("security.codesText")}>
        <RecoveryCodes codes={codes} onKept={onClose} />
      </Dialog>
    );
  }
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={t("security.enrolTitle")}
      description={t(offer ? "security.scan" : "security.enrolPassword")}
    >
      {offer ? (
        <form key="confirm" onSubmit={confirm.onSubmit} className="flex flex-col gap-4">
          <QrCode text={offer.url ?? ""} label={t("security.qr")} />
          <p className="text-[13px] text-ink-soft">
            {t("security.secret")} <code className="block select-all break-all font-mono text-ink">{offer.secret}</code>
          </p>
          <TextField
            name="code"
            label={t("security.code")}
            inputMode="numeric"
            autoComplete="one-time-code"
            required
            autoFocus
            error={confirm.errorOf("code")}
          />
          <FormError text={confirm.error} />
          <Button type="submit" kind="primary" busy={confirm.busy}>
            {t("security.confirm")}
          </Button>
        </form>
      ) : (
        <form key="password" onSubmit={ask.onSubmit} className="flex flex-col gap-4">
          <TextField
            name="password"
            type="password"
            label={t("security.current")}
            autoComplete="current-password"
            required
            autoFocus
            error={ask.errorOf("password")}
          />
          <FormError text={ask.error} />
          <Button type="submit" kind="primary" busy={ask.busy}>
            {t("security.next")}
          </Button>
        </form>
      )}
    </Dialog>
  );
}

/** Black on white in every theme: that is what cameras read. */
function QrCode({ text, label }: { text: string; label: string }) {
  const { data, size } = encode(text, { border: 2 });
  const dark = data.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : [])));
  return (
    <svg role="img" aria-label={label} viewBox={`0 0 ${size} ${size}`} shapeRendering="crispEdges" className="mx-auto size-48 rounded-lg">
      <rect width={size} height={size} fill="#fff" />
      <path d={dark.join("")} fill="#000" />
    </svg>
  );
}

export function RecoveryCodes({ codes, onKept }: { codes: readonly string[]; onKept(): void }) {
  const client = useClient();
  const text = codes.join("\n");
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => client.toast(t("common.copied")),
      (error) => client.fail(error),
    );
  return (
    <div className="flex flex-col gap-4">
      <ul className="grid grid-cols-2 gap-x-6 gap-y-1 rounded-lg bg-side p-4 font-mono">
        {codes.map((code) => (
          <li key={code} className="select-all">
            {code}
          </li>
        ))}
      </ul>
      <div className="flex flex-wrap gap-2">
        <Button onClick={() => void copy()}>{t("security.copyCodes")}</Button>
        <a
          href={`data:text/plain;charset=utf-8,${encodeURIComponent(text)}`}
          download="natter-recovery-codes.txt"
          className="inline-flex h-9 items-center rounded-lg border border-line bg-raised px-3.5 font-medium hover:bg-hover"
        >
          {t("security.downloadCodes")}
        </a>
        <Button kind="primary" className="ml-auto" onClick={onKept}>
          {t("security.keptCodes")}
        </Button>
      </div>
    </div>
  );
}
