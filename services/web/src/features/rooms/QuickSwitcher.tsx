import { useRouter } from "@tanstack/react-router";
import { Search } from "lucide-react";
import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import { useApp } from "~/features/app/client-context";
import { t } from "~/i18n/t";
import { Badge } from "~/ui/Badge";
import { cx } from "~/ui/class-names";
import { Dialog } from "~/ui/Dialog";
import { recentRooms } from "./list-options";
import { RoomIcon } from "./RoomIcon";
import { targets } from "./switcher";

const most = 30;

/** Goes to a conversation by a few letters of its name. */
export default function QuickSwitcher({ current, onClose }: { current: string | undefined; onClose(): void }) {
  const router = useRouter();
  const id = useId();
  const chat = useApp((s) => s.chat);
  const [query, setQuery] = useState("");
  const [active, setActive] = useState(0);
  const [recent] = useState(() => recentRooms().filter((roomId) => roomId !== current));
  const list = useRef<HTMLDivElement>(null);
  const found = useMemo(() => targets(chat, query, recent, most), [chat, query, recent]);
  const at = Math.min(active, found.length - 1);
  useEffect(() => {
    list.current?.children[at]?.scrollIntoView({ block: "nearest" });
  }, [at]);
  const go = (which: number) => {
    const target = found[which];
    if (!target) return;
    onClose();
    void router.navigate({ to: "/rooms/$roomId", params: { roomId: target.id } });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0 && found.length > 0) setActive((at + step + found.length) % found.length);
    else if (event.key === "Enter") go(at);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={t("switcher.title")}>
      <div className="relative">
        <Search aria-hidden size={17} className="absolute top-3 left-3 text-ink-soft" />
        <input
          value={query}
          role="combobox"
          aria-label={t("switcher.search")}
          aria-expanded={found.length > 0}
          aria-controls={id}
          aria-autocomplete="list"
          aria-activedescendant={found.length > 0 ? `${id}-${at}` : undefined}
          placeholder={t("switcher.search")}
          autoComplete="off"
          className="h-10 w-full rounded-lg border border-line-strong bg-ground pr-3 pl-9 outline-none placeholder:text-ink-soft focus:border-accent-ink focus:ring-2 focus:ring-selected"
          onChange={(event) => {
            setQuery(event.target.value);
            setActive(0);
          }}
          onKeyDown={onKeyDown}
          // The first of what the dialog has to focus.
          ref={(field) => field?.focus()}
        />
      </div>
      <div ref={list} id={id} role="listbox" aria-label={t("switcher.title")} className="mt-2 h-72 overflow-y-auto">
        {found.map(({ id: roomId, title, entry }, i) => (
          <div
            key={roomId}
            id={`${id}-${i}`}
            role="option"
            tabIndex={-1}
            aria-selected={i === at}
            className={cx("flex h-10 cursor-pointer items-center gap-2.5 rounded-lg px-2.5", i === at ? "bg-selected" : "hover:bg-hover")}
            onPointerDown={(event) => {
              event.preventDefault();
              go(i);
            }}
          >
            <RoomIcon entry={entry} me={chat.me?.id} />
            <span className={cx("min-w-0 flex-1 truncate", entry.marker.unread > 0 && "font-semibold")}>{title}</span>
            <Badge
              count={entry.marker.mentions || entry.marker.unread}
              strong={entry.marker.mentions > 0}
              label={t("rooms.unread", { count: entry.marker.unread })}
            />
          </div>
        ))}
        {found.length === 0 && (
          <p role="status" className="py-8 text-center text-ink-soft">
            {t("switcher.none")}
          </p>
        )}
      </div>
      <p className="mt-2 text-ink-soft text-xs">{t("switcher.keys")}</p>
    </Dialog>
  );
}
