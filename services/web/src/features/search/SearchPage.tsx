import { useRouter } from "@tanstack/react-router";
import { Search, SearchX, X } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { useClient } from "~/features/app/client-context";
import { MorePages } from "~/features/app/MorePages";
import { useDebounced } from "~/features/app/use-debounced";
import { useKeyset } from "~/features/app/use-keyset";
import { t } from "~/i18n/t";
import * as decode from "~/protocol/decode";
import type { Fault } from "~/protocol/fault";
import type { SearchMessagesResponseJson } from "~/protocol/gen/natter/message_store/v1/search_pb";
import { EmptyState } from "~/ui/EmptyState";
import { Spinner } from "~/ui/Spinner";
import { GatheredPage } from "./GatheredPage";
import { MessageCard } from "./MessageCard";
import { byRoom, filtersOf, placeOf, withFilter, withoutFilter } from "./query";
import { RoomHeading } from "./RoomHeading";
import { SearchFilters } from "./SearchFilters";

/** Looks for messages in all rooms of the user. The query stands in the address: going back leads to what was found. */
export default function SearchPage({ query }: { query: string }) {
  const client = useClient();
  const router = useRouter();
  const [text, setText] = useState(query);
  const field = useRef<HTMLInputElement>(null);
  const wanted = useDebounced(text.trim(), 300);
  const list = useKeyset(
    useCallback(
      async (before: string, signal: AbortSignal) => {
        if (wanted === "") return { items: [], next: "" };
        const page = await client.rest.get<SearchMessagesResponseJson>("/chat/search", { query: wanted, before, limit: 30 }, signal);
        const items = (page.hits ?? []).map(({ message = {}, highlights = [] }) => ({ message: decode.message(message), highlights }));
        return { items, next: page.next ?? "" };
      },
      [client, wanted],
    ),
  );
  useEffect(() => {
    if (wanted !== query) void router.navigate({ to: "/rooms/search", search: wanted ? { q: wanted } : {}, replace: true });
  }, [router, wanted, query]);
  useEffect(() => field.current?.focus(), []);

  const change = (next: string) => {
    setText(next);
    field.current?.focus();
  };
  const place = list.fault && placeOf(list.fault.message);
  return (
    <GatheredPage title={t("search.title")}>
      <div className="relative">
        <Search aria-hidden size={18} className="absolute top-3 left-3 text-ink-soft" />
        <input
          ref={field}
          type="search"
          value={text}
          maxLength={1000}
          aria-label={t("search.field")}
          placeholder={t("search.placeholder")}
          aria-invalid={place !== undefined || undefined}
          aria-describedby={place ? "search-error" : undefined}
          className="h-11 w-full rounded-xl border border-line-strong bg-raised pr-3 pl-10 outline-none placeholder:text-ink-soft focus:border-accent-ink focus:ring-2 focus:ring-selected"
          onChange={(event) => setText(event.target.value)}
        />
      </div>
      <div className="mt-2.5 flex flex-wrap items-center gap-1.5">
        <SearchFilters onAdd={(name, value) => change(withFilter(text, name, value))} />
        {filtersOf(text).map((filter) => {
          const label = `${filter.name}: ${filter.value}`;
          return (
            <button
              key={filter.from}
              type="button"
              aria-label={t("search.remove", { filter: label })}
              className="flex h-8 max-w-60 items-center gap-1.5 rounded-full bg-selected px-3 text-[13px] text-accent-ink hover:bg-hover"
              onClick={() => change(withoutFilter(text, filter))}
            >
              <span className="truncate">{label}</span>
              <X aria-hidden size={13} className="shrink-0" />
            </button>
          );
        })}
      </div>
      <div aria-live="polite" className="mt-4">
        {list.fault && place ? (
          <BadQuery query={wanted} at={place.at} what={place.what} />
        ) : wanted === "" ? (
          <EmptyState icon={Search} title={t("search.start")} text={t("search.startHint")} />
        ) : list.done && list.items.length === 0 ? (
          <EmptyState icon={SearchX} title={t("search.none")} text={t("search.noneHint")} />
        ) : list.busy && list.items.length === 0 ? (
          <p className="flex justify-center py-10 text-ink-soft">
            <Spinner size={20} />
          </p>
        ) : (
          <>
            {byRoom(list.items, (hit) => hit.message.roomId).map(({ roomId, hits }) => (
              <section key={roomId} className="mb-4">
                <RoomHeading roomId={roomId} count={hits.length} />
                <ul>
                  {hits.map(({ message, highlights }) => (
                    <li key={message.seq}>
                      <MessageCard message={message} highlights={highlights} />
                    </li>
                  ))}
                </ul>
              </section>
            ))}
            <MorePages list={list} />
          </>
        )}
      </div>
    </GatheredPage>
  );
}

/** Shows a query with the place at which it is not understood. */
const BadQuery = ({ query, at, what }: { query: string; at: number; what: Fault["message"] }) => {
  const characters = [...query];
  return (
    <div id="search-error" role="alert" className="rounded-xl border border-danger bg-danger-soft px-4 py-3">
      <p className="break-words font-mono text-[13px]">
        {characters.slice(0, at - 1).join("")}
        <span className="text-danger underline decoration-wavy underline-offset-4">{characters.slice(at - 1).join("") || " "}</span>
      </p>
      <p className="mt-1.5 text-danger">{what}</p>
    </div>
  );
};
