import { LevelSelect } from "~/features/notifications/LevelSelect";
import { t } from "~/i18n/all";
import type { RoomId } from "~/protocol/types";
import { Group } from "~/ui/Group";

export default function NotificationsSection({ roomId }: { roomId: RoomId }) {
  return (
    <Group title={t("room.notifications")} hint={t("settings.perRoomHint")}>
      <LevelSelect roomId={roomId} className="max-w-56" />
    </Group>
  );
}
