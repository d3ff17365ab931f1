import { useRouter, useSearch } from "@tanstack/react-router";
import { ScrollText } from "lucide-react";
import { useCallback } from "react";
import { useClient } from "~/features/app/client-context";
import { ListEnd } from "~/features/app/Lists";
import { useLoaded, usePages } from "~/features/app/use-loaded";
import { t } from "~/i18n/all";
import { exactly } from "~/i18n/dates";
import type { ListUsersResponseJson } from "~/protocol/gen/natter/auth/v1/accounts_pb";
import type { AuditEventJson } from "~/protocol/gen/natter/auth/v1/audit_pb";
import { EmptyState } from "~/ui/EmptyState";
import { Select } from "~/ui/Select";
import { isKind, kinds } from "./audit";

const limit = 50;

/** The log of security events, newest first. What it shows stands in the address: it can be linked to. */
export default function AuditSection() {
  const client = useClient();
  const router = useRouter();
  const { user, kind } = useSearch({ strict: false });
  // Names for ids, and whom to choose from: the first accounts of the server, and whoever the log is asked about.
  const people = useLoaded(
    useCallback((signal) => client.rest.get<ListUsersResponseJson>("/admin/users", { limit: 200 }, signal), [client]),
  );
  const events = usePages(
    useCallback(
      async (last: AuditEventJson | undefined, signal: AbortSignal) => {
        const query = { userId: user, kind, before: last?.id, limit };
        const items = await client.rest.get<AuditEventJson[]>("/admin/audit", query, signal);
        return { items, more: items.length === limit };
      },
      [client, user, kind],
    ),
  );
  const users = people.data?.users ?? [];
  const nameOf = (id: string) => users.find((u) => u.id === id)?.username ?? id.slice(-8);
  const show = (search: { user: string | undefined; kind: string | undefined }) =>
    void router.navigate({ to: "/administration/$section", params: { section: "audit" }, search, replace: true });
  const others = user && !users.some(({ id }) => id === user) ? [{ value: user, text: nameOf(user) }] : [];
  return (
    <div className="flex flex-1 flex-col">
      <div className="mb-3 flex flex-wrap gap-3">
        <Select
          label={t("audit.kind")}
          value={kind ?? ""}
          onChange={(event) => show({ user, kind: event.target.value || undefined })}
          className="min-w-48 flex-1"
          options={[{ value: "", text: t("audit.all") }, ...kinds.map((value) => ({ value, text: t(`audit.${value}`) }))]}
        />
        <Select
          label={t("audit.person")}
          value={user ?? ""}
          onChange={(event) => show({ user: event.target.value || undefined, kind })}
          className="min-w-48 flex-1"
          options={[
            { value: "", text: t("audit.everybody") },
            ...users.map(({ id = "", username = "" }) => ({ value: id, text: username })),
            ...others,
          ]}
        />
      </div>
      <ul>
        {events.items.map((event) => (
          <Line key={event.id} event={event} nameOf={nameOf} />
        ))}
      </ul>
      {events.more === false && events.items.length === 0 && <EmptyState icon={ScrollText} title={t("audit.none")} />}
      <ListEnd list={events} />
    </div>
  );
}

function Line({ event, nameOf }: { event: AuditEventJson; nameOf(id: string): string }) {
  const { at, kind = "", userId, actorId, address, detail } = event;
  const actor = actorId ? (actorId === userId ? t("audit.byThemself") : t("audit.by", { name: nameOf(actorId) })) : "";
  return (
    <li className="grid grid-cols-1 gap-x-4 border-line border-b py-2 md:grid-cols-[11rem_1fr]">
      <time dateTime={at} className="text-[13px] text-ink-soft tabular-nums leading-6">
        {exactly(at)}
      </time>
      <div className="min-w-0">
        <p>
          <span className="font-medium">{userId ? nameOf(userId) : t("audit.somebody")}</span> · {isKind(kind) ? t(`audit.${kind}`) : kind}
        </p>
        <p className="break-words text-[13px] text-ink-soft">{[detail, actor, address].filter(Boolean).join(" · ")}</p>
      </div>
    </li>
  );
}
