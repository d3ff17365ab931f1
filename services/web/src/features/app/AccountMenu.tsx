import { useRouter } from "@tanstack/react-router";
import { LogOut, Settings, ShieldCheck } from "lucide-react";
import { t } from "~/i18n/t";
import { Avatar } from "~/ui/Avatar";
import { Menu, MenuItem, MenuSeparator } from "~/ui/Menu";
import { useApp, useClient } from "./client-context";

export function AccountMenu() {
  const client = useClient();
  const router = useRouter();
  const user = useApp((s) => s.chat.me ?? s.user);
  if (!user) return null;
  return (
    <Menu
      side="top"
      trigger={
        <button type="button" className="flex min-w-0 flex-1 items-center gap-2.5 rounded-lg p-1.5 text-left hover:bg-hover">
          <Avatar id={user.id} name={user.username} src={user.avatar} size={32} />
          <span className="min-w-0 flex-1 truncate font-medium">
            <span className="sr-only">{t("account.menu")} </span>
            {user.username}
          </span>
        </button>
      }
    >
      <MenuItem icon={Settings} onSelect={() => void router.navigate({ to: "/settings" })}>
        {t("account.settings")}
      </MenuItem>
      <MenuItem icon={ShieldCheck} onSelect={() => void router.navigate({ to: "/administration" })}>
        {t("account.admin")}
      </MenuItem>
      <MenuSeparator />
      <MenuItem icon={LogOut} onSelect={() => void client.auth.signOut().catch((error) => client.fail(error))}>
        {t("account.signOut")}
      </MenuItem>
    </Menu>
  );
}
