import { Plus } from "lucide-react";
import { useState } from "react";
import { useShallow } from "zustand/react/shallow";
import { AccountMenu } from "~/features/app/AccountMenu";
import { useApp } from "~/features/app/client-context";
import { t } from "~/i18n/t";
import { hasRooms } from "~/state/selectors";
import { cx } from "~/ui/class-names";
import { IconButton } from "~/ui/IconButton";
import { CreateRoomDialog } from "./CreateRoomDialog";
import { RoomLink } from "./RoomLink";
import { sectionsOf } from "./sections";

export function RoomList({ className }: { className?: string }) {
  const [creating, setCreating] = useState(false);
  const sections = useApp(useShallow((s) => sectionsOf(s.chat)));
  const known = useApp(hasRooms);
  const lists = [
    { title: t("rooms.favourites"), ids: sections.favourites },
    { title: t("rooms.rooms"), ids: sections.rooms },
    { title: t("rooms.direct"), ids: sections.direct },
  ].map(({ title, ids }) => ({ title, ids: ids === "" ? [] : ids.split(" ") }));
  return (
    <nav aria-label={t("rooms.list")} className={cx("min-h-0 flex-col bg-side", className)}>
      <header className="flex h-14 shrink-0 items-center gap-1 pr-2 pl-4">
        <p className="flex-1 font-semibold text-[17px] tracking-tight">{t("common.name")}</p>
        <IconButton icon={Plus} label={t("createRoom.open")} onClick={() => setCreating(true)} />
      </header>
      <div className="min-h-0 flex-1 overflow-y-auto px-2 pb-4">
        {lists
          .filter(({ ids }) => ids.length > 0)
          .map(({ title, ids }) => (
            <section key={title} aria-label={title} className="mb-3">
              <h2 className="px-2 pt-2 pb-1 font-medium text-[13px] text-ink-soft">{title}</h2>
              <ul>
                {ids.map((id) => (
                  <li key={id}>
                    <RoomLink roomId={id} />
                  </li>
                ))}
              </ul>
            </section>
          ))}
        {known && lists.every(({ ids }) => ids.length === 0) && (
          <div className="px-3 py-6 text-center text-ink-soft">
            <p className="font-medium text-ink">{t("rooms.none")}</p>
            <p>{t("rooms.noneHint")}</p>
          </div>
        )}
      </div>
      <footer className="flex shrink-0 items-center gap-1 border-line border-t p-2">
        <AccountMenu />
      </footer>
      <CreateRoomDialog open={creating} onOpenChange={setCreating} />
    </nav>
  );
}
