import { ListFilter } from "lucide-react";
import { t } from "~/i18n/t";
import { IconButton } from "~/ui/IconButton";
import { Menu, MenuChoice } from "~/ui/Menu";
import { useListOptions } from "./list-options";

/** How the list of rooms is shown. */
export default function ListMenu() {
  const [options, setOptions] = useListOptions();
  return (
    <Menu align="end" trigger={<IconButton icon={ListFilter} label={t("rooms.options")} />}>
      <MenuChoice
        label={t("rooms.sort")}
        value={options.sort}
        options={(["name", "unread"] as const).map((value) => ({ value, label: t(`rooms.sort.${value}`) }))}
        onChange={(sort) => setOptions({ ...options, sort })}
      />
    </Menu>
  );
}
