import { useClient } from "~/features/app/client-context";
import { t } from "~/i18n/all";
import type { MemberJson } from "~/protocol/gen/natter/chat/v1/chat_pb";
import type { RoomId } from "~/protocol/types";
import { at } from "~/rest/rest.client";
import { ConfirmDialog } from "~/ui/ConfirmDialog";
import { Select } from "~/ui/Select";
import { TextField } from "~/ui/TextField";

export type MemberQuestion = "mute" | "kick" | "ban" | "owner";

const durations = ["600", "3600", "86400", "604800", "2592000"] as const;

interface Props {
  roomId: RoomId;
  member: MemberJson;
  what: MemberQuestion;
  onClose(): void;
}

/** Asks before somebody is muted, removed, banned, or given the room: for how long, and why. */
export function MemberDialog({ roomId, member, what, onClose }: Props) {
  const client = useClient();
  const id = member.user?.id ?? "";
  const name = member.user?.username ?? "";
  const act = async (data: FormData): Promise<unknown> => {
    const seconds = Number(data.get("seconds") ?? 0);
    const reason = String(data.get("reason") ?? "").trim();
    switch (what) {
      case "mute":
        return client.rest.call("PATCH", at`/chat/rooms/${roomId}/members/${id}`, { body: { mutedSeconds: seconds } });
      case "kick":
        return client.rest.call("DELETE", at`/chat/rooms/${roomId}/members/${id}`, { query: { reason: reason || undefined } });
      case "ban":
        return client.rest.call("PUT", at`/chat/rooms/${roomId}/bans/${id}`, { body: { seconds, reason } });
      case "owner":
        return client.rest.post(at`/chat/rooms/${roomId}/owner`, { userId: id });
    }
  };
  const choices = what === "ban" ? ([...durations, "0"] as const) : durations;
  return (
    <ConfirmDialog
      title={t(`members.${what}Title`, { name })}
      text={t(`members.${what}Text`)}
      submit={t(`members.${what}Submit`)}
      danger={what !== "mute"}
      onConfirm={async (data) => void (await act(data))}
      onClose={onClose}
    >
      {(what === "mute" || what === "ban") && (
        <Select
          label={t("members.duration")}
          name="seconds"
          defaultValue={what === "ban" ? "0" : "3600"}
          options={choices.map((value) => ({ value, text: t(`members.duration.${value}`) }))}
        />
      )}
      {(what === "kick" || what === "ban") && (
        <TextField name="reason" label={t("members.reason")} hint={t("members.reasonHint")} maxLength={500} autoComplete="off" />
      )}
    </ConfirmDialog>
  );
}
