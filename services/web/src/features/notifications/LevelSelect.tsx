import { useApp, useClient } from "~/features/app/client-context";
import { setPreferences } from "~/features/rooms/preferences";
import { t } from "~/i18n/all";
import type { RoomId } from "~/protocol/types";
import { roomEntry, roomTitle } from "~/state/selectors";
import { Select } from "~/ui/Select";
import { levels } from "./level";

/** What a room notifies of, on all devices. */
export function LevelSelect({ roomId, className }: { roomId: RoomId; className?: string }) {
  const client = useClient();
  const entry = useApp(roomEntry(roomId));
  const me = useApp((s) => s.chat.me?.id);
  if (!entry) return null;
  return (
    <Select
      bare
      className={className}
      label={t("settings.level", { room: roomTitle(entry, me) })}
      value={entry.preferences.notifications}
      onChange={(event) => void setPreferences(client, roomId, { notifications: event.target.value }).catch((error) => client.fail(error))}
      options={levels.map((level) => ({ value: level, text: t(`settings.level.${level || "default"}`) }))}
    />
  );
}
