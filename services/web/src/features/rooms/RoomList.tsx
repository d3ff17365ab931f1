import { useRouter } from "@tanstack/react-router";
import { Compass, Plus, Search, SquarePen } from "lucide-react";
import { type KeyboardEvent, lazy, Suspense, useRef, useState } from "react";
import { useShallow } from "zustand/react/shallow";
import { useApp } from "~/features/app/client-context";
import { useWatched } from "~/features/app/use-watched";
import { t } from "~/i18n/t";
import { maxWatched } from "~/protocol/limits";
import { hasRooms, otherOf } from "~/state/selectors";
import { cx } from "~/ui/class-names";
import { IconButton } from "~/ui/IconButton";
import { Invitations } from "./Invitations";
import { useListOptions } from "./list-options";
import { RoomNav } from "./RoomNav";
import { RoomSection } from "./RoomSection";
import { idsOf, sectionNames, sectionsOf } from "./sections";

// Menus and dialogs come behind the list.
const AccountMenu = lazy(() => import("~/features/app/AccountMenu").then((m) => ({ default: m.AccountMenu })));
const ListMenu = lazy(() => import("./ListMenu"));
const CreateRoomDialog = lazy(() => import("./CreateRoomDialog"));
const BrowseDialog = lazy(() => import("./BrowseDialog"));
const NewMessageDialog = lazy(() => import("./NewMessageDialog"));

const dialogs = { create: CreateRoomDialog, browse: BrowseDialog, message: NewMessageDialog };

export function RoomList({ className }: { className?: string }) {
  const router = useRouter();
  const [dialog, setDialog] = useState<keyof typeof dialogs>();
  const [filter, setFilter] = useState("");
  const [options, setOptions] = useListOptions();
  const list = useRef<HTMLElement>(null);
  const sections = useApp(useShallow((s) => sectionsOf(s.chat, options.sort, filter)));
  const known = useApp(hasRooms);
  useWatched(usePartners());

  const found = sectionNames.flatMap((name) => idsOf(sections[name]));
  const filtering = filter.trim() !== "";
  const toggle = (name: (typeof sectionNames)[number]) =>
    setOptions({
      ...options,
      collapsed: options.collapsed.includes(name) ? options.collapsed.filter((n) => n !== name) : [...options.collapsed, name],
    });
  /** ↑ and ↓ go through the list, from the field above it as well. */
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step === 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const links = [...(list.current?.querySelectorAll<HTMLElement>("[data-room]") ?? [])].filter((link) => link.offsetParent !== null);
    const from = links.indexOf(document.activeElement as HTMLElement);
    if (from < 0 && !(event.target instanceof HTMLInputElement)) return;
    event.preventDefault();
    (links[from + step] ?? list.current?.querySelector("input"))?.focus();
  };
  const Open = dialog && dialogs[dialog];
  return (
    <nav ref={list} aria-label={t("rooms.list")} className={cx("min-h-0 flex-col bg-side", className)} onKeyDown={onKeyDown}>
      <header className="flex h-14 shrink-0 items-center gap-1 pr-2 pl-4">
        <h1 className="flex-1 font-semibold text-[17px] tracking-tight">{t("common.name")}</h1>
        <Suspense fallback={<div className="size-9" />}>
          <ListMenu />
        </Suspense>
        <IconButton icon={SquarePen} label={t("newMessage.title")} onClick={() => setDialog("message")} />
      </header>
      <div className="relative mx-3 mb-2 shrink-0">
        <Search aria-hidden size={15} className="absolute top-2.5 left-2.5 text-ink-soft" />
        <input
          type="search"
          value={filter}
          aria-label={t("rooms.filter")}
          placeholder={t("rooms.filter")}
          className="h-9 w-full rounded-lg border border-line bg-ground pr-2 pl-8 outline-none placeholder:text-ink-soft focus:border-accent-ink focus:ring-2 focus:ring-selected"
          onChange={(event) => setFilter(event.target.value)}
          onKeyDown={(event) => {
            const [first] = found;
            if (event.key === "Escape" && filter !== "") event.stopPropagation();
            if (event.key === "Escape") setFilter("");
            if (event.key !== "Enter" || first === undefined || !filtering) return;
            setFilter("");
            void router.navigate({ to: "/rooms/$roomId", params: { roomId: first } });
          }}
        />
      </div>
      <div className="min-h-0 flex-1 overflow-y-auto px-2 pb-4">
        {!filtering && <RoomNav />}
        {!filtering && <Invitations />}
        {sectionNames
          .filter((name) => sections[name] !== "" || (!filtering && known && name !== "favourites"))
          .map((name) => (
            <RoomSection
              key={name}
              name={name}
              ids={sections[name]}
              collapsed={!filtering && options.collapsed.includes(name)}
              onToggle={() => toggle(name)}
              actions={
                name === "rooms" ? (
                  <>
                    <IconButton icon={Compass} label={t("browse.title")} size="small" onClick={() => setDialog("browse")} />
                    <IconButton icon={Plus} label={t("createRoom.open")} size="small" onClick={() => setDialog("create")} />
                  </>
                ) : (
                  name === "direct" && (
                    <IconButton icon={SquarePen} label={t("rooms.noDirect")} size="small" onClick={() => setDialog("message")} />
                  )
                )
              }
            >
              {sections[name] === "" && name === "rooms" && sections.favourites === "" && (
                <p className="px-2 py-1 text-[13px] text-ink-soft">
                  <span className="block font-medium text-ink">{t("rooms.none")}</span>
                  {t("rooms.noneHint")}
                </p>
              )}
            </RoomSection>
          ))}
        {filtering && found.length === 0 && <p className="px-2 py-4 text-center text-ink-soft">{t("rooms.noMatch")}</p>}
      </div>
      <footer className="flex shrink-0 items-center gap-1 border-line border-t p-2">
        <Suspense fallback={<div className="h-11" />}>
          <AccountMenu />
        </Suspense>
      </footer>
      <Suspense>{Open && <Open open onOpenChange={(open) => !open && setDialog(undefined)} />}</Suspense>
    </nav>
  );
}

/** The other ones of all direct conversations, joined by spaces. */
const usePartners = (): string =>
  useApp((s) =>
    Object.values(s.chat.rooms)
      .flatMap((entry) => (entry.room.kind === "direct" ? (otherOf(entry, s.chat.me?.id)?.id ?? []) : []))
      .slice(0, maxWatched)
      .sort()
      .join(" "),
  );
