import { useRouter } from "@tanstack/react-router";
import { useCallback } from "react";
import { useClient } from "~/features/app/client-context";
import { useLoaded } from "~/features/app/use-loaded";
import { useProviders } from "~/features/sign-in/Providers";
import { t } from "~/i18n/all";
import { onDay } from "~/i18n/dates";
import type { IdentityJson } from "~/protocol/gen/natter/auth/v1/sso_pb";
import { at } from "~/rest/rest.client";
import { Button } from "~/ui/Button";
import { Group, Row } from "~/ui/Group";

/** Accounts at providers that lead into this one. Nothing, where there are neither. */
export function Identities() {
  const client = useClient();
  const router = useRouter();
  const providers = useProviders();
  const identities = useLoaded(useCallback((signal) => client.rest.get<IdentityJson[]>("/auth/identities", {}, signal), [client]));
  const linked = identities.data ?? [];
  if (providers.length === 0 && linked.length === 0) return null;
  const nameOf = (provider: string) =>
    providers.find(({ name }) => name === provider)?.displayName || provider || t("security.unknownProvider");
  const link = async (provider: string) => {
    try {
      const { pathname } = router.state.location;
      const path = `${at`/auth/sso/${provider}/link`}?returnTo=${encodeURIComponent(pathname)}`;
      const { url } = await client.rest.post<{ url: string }>(path);
      location.assign(url);
    } catch (error) {
      client.fail(error);
    }
  };
  const unlink = (id: string) =>
    client.rest.call("DELETE", at`/auth/identities/${id}`).then(identities.reload, (error) => client.fail(error));
  return (
    <Group title={t("security.identities")} hint={t(linked.length > 0 ? "security.identitiesHint" : "security.noIdentities")}>
      {linked.length > 0 && (
        <ul>
          {linked.map(({ id = "", provider = "", email, createdAt }) => (
            <Row key={id}>
              <div className="min-w-0 flex-1">
                <p className="font-medium">{nameOf(provider)}</p>
                <p className="text-[13px] text-ink-soft">{[email, onDay(createdAt)].filter(Boolean).join(" · ")}</p>
              </div>
              <Button aria-label={t("security.unlinkLabel", { provider: nameOf(provider) })} onClick={() => void unlink(id)}>
                {t("security.unlink")}
              </Button>
            </Row>
          ))}
        </ul>
      )}
      <div className="flex flex-wrap gap-2">
        {providers.map(({ name = "" }) => (
          <Button key={name} onClick={() => void link(name)}>
            {t("security.link", { provider: nameOf(name) })}
          </Button>
        ))}
      </div>
    </Group>
  );
}
