import { Bell, Bot, CircleUser, MonitorSmartphone, Palette, ShieldCheck, UserCog } from "lucide-react";
import { lazy, Suspense } from "react";
import { Loading } from "~/features/app/pages";
import { SectionsFrame } from "~/features/app/SectionsFrame";
import { t } from "~/i18n/all";

const sections = [
  { id: "profile", icon: CircleUser, page: lazy(() => import("./ProfileSettings")) },
  { id: "appearance", icon: Palette, page: lazy(() => import("./AppearanceSettings")) },
  { id: "notifications", icon: Bell, page: lazy(() => import("./NotificationSettings")) },
  { id: "sessions", icon: MonitorSmartphone, page: lazy(() => import("./SessionSettings")) },
  { id: "security", icon: ShieldCheck, page: lazy(() => import("./SecuritySettings")) },
  { id: "tokens", icon: Bot, page: lazy(() => import("./TokenSettings")) },
  { id: "account", icon: UserCog, page: lazy(() => import("./AccountSettings")) },
] as const;

/** One's own settings: of the account, of this browser, and for each room. */
export function SettingsPage({ section }: { section: string | undefined }) {
  const Page = (sections.find(({ id }) => id === section) ?? sections[0]).page;
  return (
    <SectionsFrame
      title={t("settings.title")}
      sections={sections.map(({ id, icon }) => ({ id, icon, label: t(`settings.${id}`) }))}
      section={section}
      linkTo={(to) => (to ? { to: "/settings/$section", params: { section: to } } : { to: "/settings" })}
      back={{ to: "/rooms" }}
    >
      <Suspense fallback={<Loading />}>
        <Page />
      </Suspense>
    </SectionsFrame>
  );
}
