import { useRouter } from "@tanstack/react-router";
import { CheckCheck, Ellipsis, EyeOff, LogOut, Star, StarOff } from "lucide-react";
import { useState } from "react";
import { useApp, useClient } from "~/features/app/client-context";
import { t } from "~/i18n/t";
import type { RoomId } from "~/protocol/types";
import { at } from "~/rest/rest.client";
import { roomEntry, roomTitle } from "~/state/selectors";
import { Button } from "~/ui/Button";
import { Dialog } from "~/ui/Dialog";
import { IconButton } from "~/ui/IconButton";
import { Menu, MenuChoice, MenuItem, MenuSeparator } from "~/ui/Menu";
import { setPreferences } from "./preferences";

const levels = ["default", "all", "mentions", "none"] as const;

/** What one can do with a room without opening it. */
export default function RoomMenu({ roomId, className }: { roomId: RoomId; className?: string }) {
  const client = useClient();
  const router = useRouter();
  const entry = useApp(roomEntry(roomId));
  const me = useApp((s) => s.chat.me?.id);
  const [leaving, setLeaving] = useState(false);
  const [busy, setBusy] = useState(false);
  if (!entry) return null;
  const { preferences, marker, room, seq } = entry;
  const title = roomTitle(entry, me);
  const prefer = (change: Parameters<typeof setPreferences>[2]) => setPreferences(client, roomId, change).catch((e) => client.fail(e));
  const leave = async () => {
    setBusy(true);
    try {
      await client.rest.post(at`/chat/rooms/${roomId}/leave`);
      setLeaving(false);
      await router.navigate({ to: "/rooms" });
    } catch (error) {
      client.fail(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <Menu trigger={<IconButton icon={Ellipsis} label={t("rooms.menu", { room: title })} size="small" className={className} />}>
        {marker.unread + marker.mentions > 0 && (
          <MenuItem icon={CheckCheck} onSelect={() => client.markRead(roomId, seq)}>
            {t("rooms.markRead")}
          </MenuItem>
        )}
        <MenuItem icon={preferences.isFavourite ? StarOff : Star} onSelect={() => void prefer({ isFavourite: !preferences.isFavourite })}>
          {t(preferences.isFavourite ? "rooms.unfavourite" : "rooms.favourite")}
        </MenuItem>
        {room.kind !== "room" && (
          <MenuItem icon={EyeOff} onSelect={() => void prefer({ hiddenSeq: seq })}>
            {t("rooms.hide")}
          </MenuItem>
        )}
        <MenuSeparator />
        <MenuChoice
          label={t("rooms.notify")}
          value={levels.find((level) => level === preferences.notifications) ?? "default"}
          options={levels.map((value) => ({ value, label: t(`rooms.notify.${value}`) }))}
          onChange={(level) => void prefer({ notifications: level === "default" ? "" : level })}
        />
        {room.kind !== "direct" && (
          <>
            <MenuSeparator />
            <MenuItem icon={LogOut} danger onSelect={() => setLeaving(true)}>
              {t("rooms.leave")}
            </MenuItem>
          </>
        )}
      </Menu>
      <Dialog
        open={leaving}
        onOpenChange={setLeaving}
        title={t("rooms.leaveTitle", { room: title })}
        description={t(room.isPrivate || room.kind === "group" ? "rooms.leavePrivate" : "rooms.leaveText")}
      >
        <div className="flex justify-end gap-2">
          <Button kind="quiet" onClick={() => setLeaving(false)}>
            {t("common.cancel")}
          </Button>
          <Button kind="danger" busy={busy} onClick={() => void leave()}>
            {t("rooms.leave")}
          </Button>
        </div>
      </Dialog>
    </>
  );
}
