import { useState } from "react";
import { useApp, useClient } from "~/features/app/client-context";
import { AvatarField } from "~/features/profile/AvatarField";
import { useForm } from "~/features/sign-in/use-form";
import { t } from "~/i18n/all";
import { onDay } from "~/i18n/dates";
import type { UpdateRoomRequestJson } from "~/protocol/gen/natter/rooms/v1/moderation_pb";
import type { RoomId } from "~/protocol/types";
import { at } from "~/rest/rest.client";
import { may } from "~/state/role";
import { roomEntry, roomTitle } from "~/state/selectors";
import { Button } from "~/ui/Button";
import { FormError } from "~/ui/FormError";
import { Group } from "~/ui/Group";
import { Select } from "~/ui/Select";
import { Switch } from "~/ui/Switch";
import { TextArea } from "~/ui/TextArea";
import { TextField } from "~/ui/TextField";

const pauses = ["0", "10", "30", "60", "300", "900", "3600", "21600"] as const;

/** What a room is called, what it is for, and who sees it. */
export default function GeneralSection({ roomId }: { roomId: RoomId }) {
  const client = useClient();
  const entry = useApp(roomEntry(roomId));
  const me = useApp((s) => s.chat.me?.id);
  const update = (change: UpdateRoomRequestJson) => client.rest.call("PATCH", at`/chat/rooms/${roomId}`, { body: change });
  const form = useForm(["name", "topic", "description"], async (data) => {
    const text = (name: string) => String(data.get(name)).trim();
    await update({ name: text("name"), topic: text("topic"), description: text("description") });
    client.toast(t("settings.saved"));
  });
  if (!entry) return null;
  const { room, role } = entry;
  const mayDescribe = may(role, "describe", room.kind) && !room.isArchived;
  return (
    <>
      {room.isArchived && <p className="mb-4 rounded-lg bg-selected px-3 py-2">{t("room.archived")}</p>}
      {!mayDescribe && !room.isArchived && <p className="mb-4 text-ink-soft">{t("room.readOnly")}</p>}
      <Group title={t("room.picture")}>
        <AvatarField
          id={room.id}
          name={roomTitle(entry, me)}
          src={room.avatar}
          square
          disabled={!mayDescribe}
          onChange={async (avatar) => void (await update({ avatar }))}
        />
      </Group>
      <Group title={t("room.general")}>
        <form onSubmit={form.onSubmit}>
          <fieldset disabled={!mayDescribe} className="flex flex-col gap-4">
            <TextField
              name="name"
              label={t("room.name")}
              defaultValue={room.name}
              required={room.kind === "room"}
              autoComplete="off"
              error={form.errorOf("name")}
            />
            <TextField
              name="topic"
              label={t("room.topic")}
              hint={t("room.topicHint")}
              defaultValue={room.topic}
              autoComplete="off"
              error={form.errorOf("topic")}
            />
            <TextArea
              name="description"
              label={t("room.description")}
              defaultValue={room.description}
              error={form.errorOf("description")}
            />
            <FormError text={form.error} />
            {mayDescribe && (
              <Button type="submit" kind="primary" busy={form.busy} className="self-start">
                {t("room.save")}
              </Button>
            )}
          </fieldset>
        </form>
      </Group>
      {room.kind === "room" && <Access roomId={roomId} />}
      {room.createdAt && (
        <p className="text-[13px] text-ink-soft">{t("room.created", { name: room.creator.username, when: onDay(room.createdAt) })}</p>
      )}
    </>
  );
}

/** Each change holds at once: the server's event makes it so here. */
function Access({ roomId }: { roomId: RoomId }) {
  const client = useClient();
  const entry = useApp(roomEntry(roomId));
  const [busy, setBusy] = useState(false);
  if (!entry) return null;
  const { room, role } = entry;
  const disabled = !may(role, "govern", room.kind) || room.isArchived || busy;
  const update = async (change: UpdateRoomRequestJson) => {
    setBusy(true);
    try {
      await client.rest.call("PATCH", at`/chat/rooms/${roomId}`, { body: change });
    } catch (error) {
      client.fail(error);
    } finally {
      setBusy(false);
    }
  };
  const pause = String(room.slowModeSeconds);
  const known = pauses.find((value) => value === pause);
  return (
    <Group title={t("room.access")}>
      <Switch
        label={t("room.private")}
        hint={t("room.privateHint")}
        checked={room.isPrivate}
        disabled={disabled}
        onChange={(isPrivate) => void update({ isPrivate })}
      />
      <Switch
        label={t("room.announcement")}
        hint={t("room.announcementHint")}
        checked={room.isAnnouncement}
        disabled={disabled}
        onChange={(isAnnouncement) => void update({ isAnnouncement })}
      />
      <div className="flex items-center gap-4">
        <div className="min-w-0 flex-1">
          <p className="font-medium">{t("room.slowMode")}</p>
          <p className="text-[13px] text-ink-soft">{t("room.slowModeHint")}</p>
        </div>
        <Select
          bare
          label={t("room.slowMode")}
          value={pause}
          disabled={disabled}
          onChange={(event) => void update({ slowModeSeconds: Number(event.target.value) })}
          options={[
            ...pauses.map((value) => ({ value: value as string, text: t(`room.slow.${value}`) })),
            ...(known ? [] : [{ value: pause, text: `${pause} s` }]),
          ]}
        />
      </div>
    </Group>
  );
}
