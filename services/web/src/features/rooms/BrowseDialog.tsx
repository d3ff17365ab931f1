import { useRouter } from "@tanstack/react-router";
import { Compass } from "lucide-react";
import { useCallback, useState } from "react";
import { useClient } from "~/features/app/client-context";
import { MorePages } from "~/features/app/MorePages";
import { useDebounced } from "~/features/app/use-debounced";
import { useKeyset } from "~/features/app/use-keyset";
import { t } from "~/i18n/t";
import type { DirectoryEntryJson, ListDirectoryResponseJson } from "~/protocol/gen/natter/rooms/v1/access_pb";
import { at } from "~/rest/rest.client";
import { Avatar } from "~/ui/Avatar";
import { Button } from "~/ui/Button";
import { Dialog } from "~/ui/Dialog";
import { EmptyState } from "~/ui/EmptyState";
import { TextField } from "~/ui/TextField";

/** The public rooms of the server, to join. */
export default function BrowseDialog({ open, onOpenChange }: { open: boolean; onOpenChange(open: boolean): void }) {
  const client = useClient();
  const router = useRouter();
  const [query, setQuery] = useState("");
  const wanted = useDebounced(query.trim());
  const list = useKeyset(
    useCallback(
      async (after: string, signal: AbortSignal) => {
        const { rooms = [], next = "" } = await client.rest.get<ListDirectoryResponseJson>(
          "/chat/directory",
          { query: wanted, after },
          signal,
        );
        return { items: rooms, next };
      },
      [client, wanted],
    ),
  );
  const [joining, setJoining] = useState("");
  const enter = async ({ room, isMember }: DirectoryEntryJson) => {
    const roomId = room?.id ?? "";
    setJoining(roomId);
    try {
      if (!isMember) await client.rest.post(at`/chat/rooms/${roomId}/join`);
      onOpenChange(false);
      await router.navigate({ to: "/rooms/$roomId", params: { roomId } });
    } catch (error) {
      client.fail(error);
    } finally {
      setJoining("");
    }
  };
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={t("browse.title")} wide>
      <TextField
        type="search"
        label={t("browse.search")}
        value={query}
        maxLength={100}
        onChange={(event) => setQuery(event.target.value)}
        autoComplete="off"
      />
      <ul className="mt-3 min-h-64">
        {list.items.map((entry) => {
          const { room, isMember } = entry;
          const name = room?.name ?? "";
          return (
            <li key={room?.id} className="flex items-center gap-3 border-line border-b py-2.5 last:border-0">
              <Avatar square id={room?.id ?? ""} name={name} src={room?.avatar} size={38} />
              <div className="min-w-0 flex-1">
                <p className="truncate font-medium">{name}</p>
                <p className="truncate text-[13px] text-ink-soft">
                  {[t("rooms.members", { count: room?.memberCount ?? 0 }), room?.topic || room?.description].filter(Boolean).join(" · ")}
                </p>
              </div>
              <Button
                kind={isMember ? "quiet" : "plain"}
                busy={joining === room?.id}
                aria-label={t(isMember ? "browse.openLabel" : "browse.joinLabel", { room: name })}
                onClick={() => void enter(entry)}
              >
                {t(isMember ? "browse.open" : "browse.join")}
              </Button>
            </li>
          );
        })}
        {list.done && list.items.length === 0 && (
          <EmptyState
            icon={Compass}
            title={t(wanted ? "browse.noMatch" : "browse.none")}
            text={wanted ? undefined : t("browse.noneHint")}
          />
        )}
      </ul>
      <MorePages list={list} />
    </Dialog>
  );
}
