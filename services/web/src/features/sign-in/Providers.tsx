import { useEffect, useState } from "react";
import { useClient } from "~/features/app/client-context";
import { t } from "~/i18n/all";
import type { ProviderJson } from "~/protocol/gen/natter/auth/v1/sso_pb";
import { safePath } from "./return-to";

/** The providers of single sign-on; without any, or without an answer, none. */
export function useProviders(): readonly ProviderJson[] {
  const client = useClient();
  const [providers, setProviders] = useState<readonly ProviderJson[]>([]);
  useEffect(() => {
    const ended = new AbortController();
    client.openRest.get<ProviderJson[]>("/auth/providers", {}, ended.signal).then(setProviders, () => {});
    return () => ended.abort();
  }, [client]);
  return providers;
}

/** Links that leave for a provider and come back signed in. What fails on the way is said by the server, on a page of its own. */
export function Providers({ from, invitation }: { from: string | undefined; invitation?: string | undefined }) {
  const providers = useProviders();
  if (providers.length === 0) return null;
  const query = new URLSearchParams({ returnTo: safePath(from), ...(invitation && { invitation }) });
  return (
    <>
      <ul className="flex flex-col gap-2">
        {providers.map(({ name = "", displayName, url }) => (
          <li key={name}>
            <a
              href={`${url}?${query}`}
              className="flex h-10 items-center justify-center rounded-lg border border-line-strong bg-ground px-3.5 font-medium hover:bg-hover"
            >
              {t("signIn.with", { provider: displayName || name })}
            </a>
          </li>
        ))}
      </ul>
      <div className="my-4 flex items-center gap-3 text-[13px] text-ink-soft">
        <span className="h-px flex-1 bg-line" />
        {t("signIn.or")}
        <span className="h-px flex-1 bg-line" />
      </div>
    </>
  );
}
