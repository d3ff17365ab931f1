import { useRouter } from "@tanstack/react-router";
import { Ban, Crown, EllipsisVertical, MessageCircle, MicOff, UserMinus } from "lucide-react";
import { useApp, useClient } from "~/features/app/client-context";
import { openDirect } from "~/features/profile/direct";
import type { Key } from "~/i18n/all";
import { t } from "~/i18n/all";
import { atMoment, onDay } from "~/i18n/dates";
import type { MemberJson } from "~/protocol/gen/natter/chat/v1/chat_pb";
import { at } from "~/rest/rest.client";
import type { RoomEntry } from "~/state/chat";
import { isAbove, may, roles } from "~/state/role";
import { Avatar } from "~/ui/Avatar";
import { IconButton } from "~/ui/IconButton";
import { Menu, MenuItem, MenuSeparator } from "~/ui/Menu";
import { Select } from "~/ui/Select";
import type { MemberQuestion } from "./MemberDialog";
import { isMuted } from "./members";

interface Props {
  entry: RoomEntry;
  member: MemberJson;
  onAsk(what: MemberQuestion): void;
}

export const roleName = (role: string): string => {
  const key = `role.${role}` as Key;
  return ["owner", ...roles].includes(role) ? t(key as "role.owner") : role;
};

/** A member, and what the user may do to them. */
export function MemberRow({ entry, member, onAsk }: Props) {
  const client = useClient();
  const router = useRouter();
  const me = useApp((s) => s.chat.me?.id);
  const { user = {}, role = "", joinedAt, mutedUntil } = member;
  const { id = "", username: name = "", avatar } = user;
  const { kind, isArchived, id: roomId } = entry.room;
  const isMe = id === me;
  const hasPower = !isMe && !isArchived && isAbove(entry.role, role);
  const mayAppoint = hasPower && may(entry.role, "appoint", kind);
  const mayRemove = hasPower && may(entry.role, "remove", kind);
  const mayGive = !isMe && may(entry.role, "own", kind) && !user.isBot;
  const muted = isMuted(member, Date.now());
  const set = (change: object) =>
    client.rest.call("PATCH", at`/chat/rooms/${roomId}/members/${id}`, { body: change }).catch((error) => client.fail(error));
  return (
    <div className="flex min-h-15 items-center gap-3 border-line border-b py-2">
      <Avatar id={id} name={name} src={avatar} size={36} />
      <div className="min-w-0 flex-1">
        <p className="flex items-center gap-2">
          <span className="truncate font-medium">{name}</span>
          {isMe && <span className="text-[13px] text-ink-soft">({t("members.you")})</span>}
          {user.isBot && <span className="rounded bg-hover px-1.5 text-[12px] text-ink-soft">{t("profile.bot")}</span>}
        </p>
        <p className={muted ? "truncate text-[13px] text-danger" : "truncate text-[13px] text-ink-soft"}>
          {muted ? t("members.mutedUntil", { when: atMoment(mutedUntil) }) : t("members.since", { when: onDay(joinedAt) })}
        </p>
      </div>
      {mayAppoint ? (
        <Select
          bare
          className="w-32"
          label={t("members.role", { name })}
          value={role}
          onChange={(event) => void set({ role: event.target.value })}
          options={roles.filter((r) => isAbove(entry.role, r)).map((value) => ({ value, text: roleName(value) }))}
        />
      ) : (
        <span className="text-ink-soft">{roleName(role)}</span>
      )}
      {isMe ? (
        <span className="w-9" />
      ) : (
        <Menu align="end" trigger={<IconButton icon={EllipsisVertical} label={t("members.actions", { name })} />}>
          <MenuItem icon={MessageCircle} onSelect={() => void openDirect(client, router, id)}>
            {t("members.message")}
          </MenuItem>
          {(mayRemove || mayGive) && <MenuSeparator />}
          {mayGive && (
            <MenuItem icon={Crown} onSelect={() => onAsk("owner")}>
              {t("members.makeOwner", { name })}
            </MenuItem>
          )}
          {mayRemove && (
            <>
              <MenuItem icon={MicOff} onSelect={() => (muted ? void set({ mutedSeconds: 0 }) : onAsk("mute"))}>
                {t(muted ? "members.unmute" : "members.mute")}
              </MenuItem>
              <MenuItem icon={UserMinus} danger onSelect={() => onAsk("kick")}>
                {t("members.kick")}
              </MenuItem>
              <MenuItem icon={Ban} danger onSelect={() => onAsk("ban")}>
                {t("members.ban")}
              </MenuItem>
            </>
          )}
        </Menu>
      )}
    </div>
  );
}
