import { useState } from "react";
import { useShallow } from "zustand/react/shallow";
import { useApp } from "~/features/app/client-context";
import { chooseDevice, device } from "~/features/app/device";
import { LevelSelect } from "~/features/notifications/LevelSelect";
import { permission } from "~/features/notifications/permission";
import { playTone } from "~/features/notifications/tone.client";
import { t } from "~/i18n/all";
import { roomTitle } from "~/state/selectors";
import { Avatar } from "~/ui/Avatar";
import { Group, Row } from "~/ui/Group";
import { Switch } from "~/ui/Switch";

export default function NotificationSettings() {
  const [chosen, setChosen] = useState(device);
  const [allowed, setAllowed] = useState(permission);
  const notify = async (notifications: boolean) => {
    if (notifications && allowed === "default") setAllowed(await Notification.requestPermission());
    setChosen(chooseDevice({ notifications }));
  };
  const hint = allowed === "denied" ? "settings.desktopDenied" : allowed === "missing" ? "settings.desktopMissing" : "settings.desktopHint";
  return (
    <>
      <Group title={t("settings.notifications")} hint={t("settings.device")}>
        <Switch
          label={t("settings.desktop")}
          hint={t(hint)}
          checked={chosen.notifications && allowed === "granted"}
          disabled={allowed === "denied" || allowed === "missing"}
          onChange={(on) => void notify(on)}
        />
        <Switch
          label={t("settings.sound")}
          hint={t("settings.soundHint")}
          checked={chosen.sound}
          onChange={(sound) => {
            setChosen(chooseDevice({ sound }));
            if (sound) playTone();
          }}
        />
      </Group>
      <RoomLevels />
    </>
  );
}

function RoomLevels() {
  const me = useApp((s) => s.chat.me?.id);
  const rooms = useApp(
    useShallow((s) =>
      Object.values(s.chat.rooms)
        .map((entry) => entry.room)
        .sort((a, b) => a.name.localeCompare(b.name)),
    ),
  );
  const entries = useApp((s) => s.chat.rooms);
  return (
    <Group title={t("settings.perRoom")} hint={t(rooms.length > 0 ? "settings.perRoomHint" : "settings.noRooms")}>
      <ul>
        {rooms.map((room) => {
          const entry = entries[room.id];
          const title = entry ? roomTitle(entry, me) : room.name;
          return (
            <Row key={room.id}>
              <Avatar id={room.id} name={title} src={room.avatar} size={28} square={room.kind === "room"} />
              <span className="min-w-0 flex-1 truncate">{title}</span>
              <LevelSelect roomId={room.id} className="w-40" />
            </Row>
          );
        })}
      </ul>
    </Group>
  );
}
