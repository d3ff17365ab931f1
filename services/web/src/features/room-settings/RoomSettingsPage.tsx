import { Ban, Bell, DoorOpen, SearchX, Settings2, UserPlus, Users } from "lucide-react";
import { lazy, Suspense } from "react";
import { useApp } from "~/features/app/client-context";
import { Loading } from "~/features/app/pages";
import { SectionsFrame } from "~/features/app/SectionsFrame";
import { t } from "~/i18n/all";
import type { RoomId } from "~/protocol/types";
import { may } from "~/state/role";
import { hasRooms, roomEntry, roomTitle } from "~/state/selectors";
import { EmptyState } from "~/ui/EmptyState";

const sections = [
  { id: "general", icon: Settings2, needs: undefined, page: lazy(() => import("./GeneralSection")) },
  { id: "members", icon: Users, needs: undefined, page: lazy(() => import("./MembersSection")) },
  { id: "invitations", icon: UserPlus, needs: "invite", page: lazy(() => import("./InvitationsSection")) },
  { id: "bans", icon: Ban, needs: "remove", page: lazy(() => import("./BansSection")) },
  { id: "notifications", icon: Bell, needs: undefined, page: lazy(() => import("./NotificationsSection")) },
  { id: "end", icon: DoorOpen, needs: undefined, page: lazy(() => import("./EndSection")) },
] as const;

/** What a room is and who is in it. Sections that need a role are there for those who have it. */
export function RoomSettingsPage({ roomId, section }: { roomId: RoomId; section: string | undefined }) {
  const known = useApp(hasRooms);
  const entry = useApp(roomEntry(roomId));
  const me = useApp((s) => s.chat.me?.id);
  if (!entry) return known ? <EmptyState icon={SearchX} title={t("rooms.gone")} text={t("rooms.goneHint")} /> : <Loading />;
  const { role, room } = entry;
  const offered = sections.filter(({ needs }) => !needs || may(role, needs, room.kind));
  const Page = (offered.find(({ id }) => id === section) ?? offered[0])?.page;
  return (
    <SectionsFrame
      title={roomTitle(entry, me)}
      sections={offered.map(({ id, icon }) => ({ id, icon, label: t(`room.${id}`) }))}
      section={section}
      linkTo={(to) =>
        to
          ? { to: "/rooms/$roomId/settings/$section", params: { roomId, section: to } }
          : { to: "/rooms/$roomId/settings", params: { roomId } }
      }
      back={{ to: "/rooms/$roomId", params: { roomId } }}
      backLabel={t("room.backToRoom")}
    >
      <Suspense fallback={<Loading />}>{Page && <Page roomId={roomId} />}</Suspense>
    </SectionsFrame>
  );
}
