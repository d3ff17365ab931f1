import { useCallback, useState } from "react";
import { useApp, useClient } from "~/features/app/client-context";
import { useLoaded } from "~/features/app/use-loaded";
import { t } from "~/i18n/all";
import { sinceThen } from "~/i18n/dates";
import type { ApiTokenJson, CreateTokenResponseJson } from "~/protocol/gen/natter/auth/v1/tokens_pb";
import type { UserJson } from "~/protocol/gen/natter/chat/v1/chat_pb";
import { at } from "~/rest/rest.client";
import { isAdmin } from "~/state/selectors";
import { Button } from "~/ui/Button";
import { ConfirmDialog } from "~/ui/ConfirmDialog";
import { FormError } from "~/ui/FormError";
import { Row } from "~/ui/Group";
import { Secret } from "~/ui/Secret";
import { Select } from "~/ui/Select";
import { TextField } from "~/ui/TextField";

const lives = ["30", "90", "365", "0"] as const;

/** The API tokens of a bot, or one's own. */
export function TokenList({ bot }: { bot: UserJson | undefined }) {
  const client = useClient();
  const admin = useApp(isAdmin);
  const botId = bot?.id;
  const tokens = useLoaded(useCallback((signal) => client.rest.get<ApiTokenJson[]>("/auth/tokens", { botId }, signal), [client, botId]));
  const [asked, setAsked] = useState<"new" | ApiTokenJson>();
  const [made, setMade] = useState("");
  const scopes = admin && !bot ? (["read", "write", "admin"] as const) : (["read", "write"] as const);
  const create = async (data: FormData) => {
    const days = Number(data.get("days"));
    const answer = await client.rest.post<CreateTokenResponseJson>("/auth/tokens", {
      name: String(data.get("name")).trim(),
      scopes: data.getAll("scopes"),
      ...(days > 0 && { expiresAt: new Date(Date.now() + days * 86_400_000).toISOString() }),
      ...(botId && { botId }),
    });
    setMade(answer.token ?? "");
    tokens.reload();
  };
  return (
    <>
      <FormError text={tokens.fault?.message ?? ""} />
      {made && <Secret label={t("tokens.token")} value={made} hint={t("tokens.made")} />}
      {tokens.data?.length === 0 && <p className="text-ink-soft">{t("tokens.none")}</p>}
      <ul className="empty:hidden">
        {tokens.data?.map((token) => (
          <Row key={token.id}>
            <div className="min-w-0 flex-1">
              <p className="truncate font-medium">{token.name}</p>
              <p className="text-[13px] text-ink-soft">
                {t(token.lastUsedAt ? "tokens.used" : "tokens.unused", {
                  scopes: (token.scopes ?? []).join(", "),
                  when: sinceThen(token.lastUsedAt),
                })}
              </p>
            </div>
            <Button aria-label={t("tokens.revokeLabel", { name: token.name ?? "" })} onClick={() => setAsked(token)}>
              {t("tokens.revoke")}
            </Button>
          </Row>
        ))}
      </ul>
      <Button className="self-start" onClick={() => setAsked("new")}>
        {t("tokens.new")}
      </Button>
      {asked === "new" && (
        <ConfirmDialog
          title={bot ? t("tokens.of", { bot: bot.username ?? "" }) : t("tokens.new")}
          text={t("tokens.text")}
          submit={t("tokens.create")}
          onConfirm={create}
          onClose={() => setAsked(undefined)}
        >
          <TextField
            name="name"
            label={t("tokens.name")}
            hint={t("tokens.nameHint")}
            required
            maxLength={100}
            autoFocus
            autoComplete="off"
          />
          <fieldset className="flex flex-col gap-1.5">
            <legend className="mb-1.5 font-medium">{t("tokens.scopes")}</legend>
            {scopes.map((scope) => (
              <label key={scope} className="flex items-center gap-2.5">
                <input type="checkbox" name="scopes" value={scope} defaultChecked={scope === "read"} className="size-4 accent-accent" />
                {t(`tokens.scope.${scope}`)}
              </label>
            ))}
          </fieldset>
          <Select
            label={t("tokens.expires")}
            name="days"
            defaultValue="90"
            options={lives.map((value) => ({ value, text: t(`tokens.expires.${value}`) }))}
          />
        </ConfirmDialog>
      )}
      {asked && asked !== "new" && (
        <ConfirmDialog
          title={t("tokens.revokeTitle")}
          text={t("tokens.revokeText", { name: asked.name ?? "" })}
          submit={t("tokens.revoke")}
          danger
          onConfirm={async () => {
            await client.rest.call("DELETE", at`/auth/tokens/${asked.id ?? ""}`);
            tokens.reload();
          }}
          onClose={() => setAsked(undefined)}
        />
      )}
    </>
  );
}
