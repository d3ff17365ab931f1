import { AtSign, CalendarDays, Hash, Paperclip } from "lucide-react";
import { Popover } from "radix-ui";
import type { ReactNode } from "react";
import { useClient } from "~/features/app/client-context";
import { recentRooms } from "~/features/rooms/list-options";
import { targets } from "~/features/rooms/switcher";
import { t } from "~/i18n/t";
import { Button } from "~/ui/Button";
import { Menu, MenuItem } from "~/ui/Menu";
import type { FilterName } from "./query";

const kinds = ["link", "file", "image", "reaction", "pin"] as const;
/** Entries of a menu. */
const most = 12;

/** The filters of the search, to those who do not know its words. */
export function SearchFilters({ onAdd }: { onAdd(name: FilterName, value: string): void }) {
  const client = useClient();
  // Read when it is drawn: it is a choice of some, not a view of all.
  const { chat } = client.store.getState();
  const people = Object.values(chat.people)
    .filter((u) => u.id !== chat.me?.id)
    .sort((a, b) => a.username.localeCompare(b.username))
    .slice(0, most);
  return (
    <fieldset aria-label={t("search.filters")} className="flex flex-wrap gap-1.5">
      <Menu trigger={<FilterButton icon={<AtSign aria-hidden size={14} />} label={t("search.from")} />}>
        <MenuItem onSelect={() => onAdd("from", "me")}>{t("search.me")}</MenuItem>
        {people.map((u) => (
          <MenuItem key={u.id} onSelect={() => onAdd("from", u.username)}>
            {u.username}
          </MenuItem>
        ))}
      </Menu>
      <Menu trigger={<FilterButton icon={<Hash aria-hidden size={14} />} label={t("search.in")} />}>
        {targets(chat, "", recentRooms(), most).map(({ id, title, entry }) => (
          <MenuItem key={id} onSelect={() => onAdd("in", entry.room.name || id)}>
            {title}
          </MenuItem>
        ))}
      </Menu>
      {(["after", "before"] as const).map((name) => (
        <Popover.Root key={name}>
          <Popover.Trigger asChild>
            <FilterButton icon={<CalendarDays aria-hidden size={14} />} label={t(`search.${name}`)} />
          </Popover.Trigger>
          <Popover.Portal>
            <Popover.Content align="start" sideOffset={6} className="z-50 rounded-xl border border-line bg-raised p-3 shadow-float">
              <input
                type="date"
                aria-label={t(`search.${name}`)}
                className="h-9 rounded-lg border border-line-strong bg-ground px-2"
                onChange={(event) => event.target.value && onAdd(name, event.target.value)}
              />
            </Popover.Content>
          </Popover.Portal>
        </Popover.Root>
      ))}
      <Menu trigger={<FilterButton icon={<Paperclip aria-hidden size={14} />} label={t("search.has")} />}>
        {kinds.map((kind) => (
          <MenuItem key={kind} onSelect={() => onAdd("has", kind)}>
            {t(`search.has.${kind}`)}
          </MenuItem>
        ))}
      </Menu>
    </fieldset>
  );
}

const FilterButton = ({ icon, label, ...rest }: { icon: ReactNode; label: string }) => (
  <Button className="h-8! rounded-full! px-3 text-[13px]" {...rest}>
    {icon}
    {label}
  </Button>
);
