import { useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { useApp, useClient } from "~/features/app/client-context";
import { t } from "~/i18n/all";
import type { RoomId } from "~/protocol/types";
import { at } from "~/rest/rest.client";
import { may } from "~/state/role";
import { roomEntry, roomTitle } from "~/state/selectors";
import { Button } from "~/ui/Button";
import { ConfirmDialog } from "~/ui/ConfirmDialog";
import { Group } from "~/ui/Group";
import { TextField } from "~/ui/TextField";

/** Ways out of a room, from the mildest. */
export default function EndSection({ roomId }: { roomId: RoomId }) {
  const client = useClient();
  const router = useRouter();
  const entry = useApp(roomEntry(roomId));
  const me = useApp((s) => s.chat.me?.id);
  const [asked, setAsked] = useState<"leave" | "delete">();
  const [typed, setTyped] = useState("");
  if (!entry) return null;
  const { room, role } = entry;
  const title = roomTitle(entry, me);
  const staysOwner = role === "owner" && room.memberCount > 1;
  const go = () => router.navigate({ to: "/rooms" });
  const archive = (isArchived: boolean) =>
    client.rest.call("PATCH", at`/chat/rooms/${roomId}`, { body: { isArchived } }).catch((error) => client.fail(error));
  return (
    <>
      {room.kind !== "direct" && (
        <Group
          title={t("end.leave")}
          hint={t(staysOwner ? "end.leaveOwner" : "end.leaveHint")}
          action={
            <Button kind="danger" disabled={staysOwner} onClick={() => setAsked("leave")}>
              {t("end.leaveSubmit")}
            </Button>
          }
        />
      )}
      {may(role, "govern", room.kind) && (
        <Group
          title={t(room.isArchived ? "end.unarchive" : "end.archive")}
          hint={t("end.archiveHint")}
          action={
            <Button onClick={() => void archive(!room.isArchived)}>
              {t(room.isArchived ? "end.unarchiveSubmit" : "end.archiveSubmit")}
            </Button>
          }
        />
      )}
      {may(role, "own", room.kind) && (
        <Group
          title={t("end.delete")}
          hint={t("end.deleteHint")}
          action={
            <Button kind="danger" onClick={() => setAsked("delete")}>
              {t("end.delete")}
            </Button>
          }
        />
      )}
      {asked === "leave" && (
        <ConfirmDialog
          title={t("end.leaveTitle", { room: title })}
          text={t("end.leaveHint")}
          submit={t("end.leaveSubmit")}
          danger
          onConfirm={async () => {
            await client.rest.post(at`/chat/rooms/${roomId}/leave`);
            await go();
          }}
          onClose={() => setAsked(undefined)}
        />
      )}
      {asked === "delete" && (
        <ConfirmDialog
          title={t("end.deleteTitle", { room: title })}
          text={t("end.deleteHint")}
          submit={t("end.deleteSubmit")}
          danger
          disabled={typed.trim() !== title}
          onConfirm={async () => {
            await client.rest.call("DELETE", at`/chat/rooms/${roomId}`);
            await go();
          }}
          onClose={() => {
            setAsked(undefined);
            setTyped("");
          }}
        >
          <TextField
            label={t("end.typeName", { room: title })}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
            autoComplete="off"
            autoFocus
          />
        </ConfirmDialog>
      )}
    </>
  );
}
