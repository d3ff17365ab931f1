import { useRouter } from "@tanstack/react-router";
import { Bookmark, LogOut, Settings, ShieldCheck, Smile } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { usePresence } from "~/features/profile/use-presence";
import { t } from "~/i18n/t";
import { isAdmin } from "~/state/selectors";
import { Avatar } from "~/ui/Avatar";
import { Menu, MenuItem, MenuSeparator } from "~/ui/Menu";
import { useApp, useClient } from "./client-context";

const StatusDialog = lazy(() => import("~/features/profile/StatusDialog"));

export function AccountMenu() {
  const client = useClient();
  const router = useRouter();
  const user = useApp((s) => s.chat.me ?? s.user);
  const admin = useApp(isAdmin);
  const says = usePresence(user?.id)?.status;
  const [settingStatus, setSettingStatus] = useState(false);
  if (!user) return null;
  return (
    <>
      <Menu
        side="top"
        trigger={
          <button type="button" className="flex min-w-0 flex-1 items-center gap-2.5 rounded-lg p-1.5 text-left hover:bg-hover">
            <Avatar id={user.id} name={user.username} src={user.avatar} size={32} />
            <span className="min-w-0 flex-1 truncate font-medium">
              <span className="sr-only">{t("account.menu")} </span>
              {user.username}
              {says && (says.text || says.emoji) && (
                <span className="block truncate font-normal text-[13px] text-ink-soft leading-4">
                  {says.emoji} {says.text}
                </span>
              )}
            </span>
          </button>
        }
      >
        <MenuItem icon={Smile} onSelect={() => setSettingStatus(true)}>
          {t(says ? "account.changeStatus" : "account.setStatus")}
        </MenuItem>
        <MenuItem icon={Bookmark} onSelect={() => void router.navigate({ to: "/saved" })}>
          {t("account.saved")}
        </MenuItem>
        <MenuItem icon={Settings} onSelect={() => void router.navigate({ to: "/settings" })}>
          {t("account.settings")}
        </MenuItem>
        {admin && (
          <MenuItem icon={ShieldCheck} onSelect={() => void router.navigate({ to: "/administration" })}>
            {t("account.admin")}
          </MenuItem>
        )}
        <MenuSeparator />
        <MenuItem icon={LogOut} onSelect={() => void client.auth.signOut().catch((error) => client.fail(error))}>
          {t("account.signOut")}
        </MenuItem>
      </Menu>
      <Suspense>{settingStatus && <StatusDialog onClose={() => setSettingStatus(false)} />}</Suspense>
    </>
  );
}
