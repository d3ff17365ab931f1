import { ScrollText, ShieldX, UserPlus, Users } from "lucide-react";
import { lazy, Suspense } from "react";
import { useApp } from "~/features/app/client-context";
import { Loading } from "~/features/app/pages";
import { SectionsFrame } from "~/features/app/SectionsFrame";
import { t } from "~/i18n/all";
import { isAdmin } from "~/state/selectors";
import { EmptyState } from "~/ui/EmptyState";

const sections = [
  { id: "users", icon: Users, page: lazy(() => import("./UsersSection")) },
  { id: "invitations", icon: UserPlus, page: lazy(() => import("./InvitationsSection")) },
  { id: "audit", icon: ScrollText, page: lazy(() => import("./AuditSection")) },
] as const;

/** The administration of the server, for who may. Nobody else gets an answer from it anyway. */
export function AdminPage({ section }: { section: string | undefined }) {
  const admin = useApp(isAdmin);
  const Page = (sections.find(({ id }) => id === section) ?? sections[0]).page;
  return (
    <SectionsFrame
      title={t("admin.title")}
      sections={admin ? sections.map(({ id, icon }) => ({ id, icon, label: t(`admin.${id}`) })) : []}
      section={section}
      linkTo={(to) => (to ? { to: "/administration/$section", params: { section: to } } : { to: "/administration" })}
      back={{ to: "/rooms" }}
    >
      {admin ? (
        <Suspense fallback={<Loading />}>
          <Page />
        </Suspense>
      ) : (
        <div className="flex-1">
          <EmptyState icon={ShieldX} title={t("admin.notAdmin")} text={t("admin.notAdminHint")} />
        </div>
      )}
    </SectionsFrame>
  );
}
