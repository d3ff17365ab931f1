import { Link } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { useClient } from "~/features/app/client-context";
import { t } from "~/i18n/all";
import { toFault } from "~/protocol/fault";
import type { VerifyEmailResponseJson } from "~/protocol/gen/natter/auth/v1/accounts_pb";
import { FormError } from "~/ui/FormError";
import { Card } from "./Card";
import { takeToken } from "./link-token";

/** Where the link of a mail leads that shows whose an e-mail address is. */
export function VerifyEmail() {
  const client = useClient();
  const [token] = useState(takeToken);
  const [email, setEmail] = useState("");
  const [error, setError] = useState(token ? "" : t("link.incomplete"));
  const asked = useRef(false);
  useEffect(() => {
    if (!token || asked.current) return;
    asked.current = true; // the token works once
    client.openRest.post<VerifyEmailResponseJson>("/auth/verification/confirm", { token }).then(
      (answer) => setEmail(answer.email ?? ""),
      (fault) => setError(toFault(fault).message),
    );
  }, [client, token]);
  return (
    <Card
      title={t("verify.title")}
      footer={
        <Link to="/rooms" className="font-medium text-accent-ink hover:underline">
          {t("verify.continue")}
        </Link>
      }
    >
      <FormError text={error} />
      {!error && <p role="status">{email ? t("verify.done", { email }) : t("verify.busy")}</p>}
    </Card>
  );
}
