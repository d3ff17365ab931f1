import { memo } from "react";
import { t } from "~/i18n/t";
import type { Notice } from "~/protocol/types";
import { timeOfDay } from "./dates";

/** Names that a notice lists before it counts. */
const maxNames = 4;

const kinds = { joined: "timeline.joined", left: "timeline.left", kicked: "timeline.kicked", banned: "timeline.banned" } as const;
const roles = {
  owner: "role.owner",
  admin: "role.admin",
  moderator: "role.moderator",
  member: "role.member",
  read_only: "role.read_only",
} as const;

/** What happened between messages. */
export const NoticeRow = memo(function NoticeRow({ notice }: { notice: Notice }) {
  return (
    <p className="flex gap-2 px-3 py-1 pl-15 text-[13px] text-ink-soft md:px-5 md:pl-17">
      <span className="min-w-0 break-words">{noticeText(notice)}</span>
      <time dateTime={notice.createdAt} className="shrink-0 text-xs leading-5">
        {timeOfDay(notice.createdAt)}
      </time>
    </p>
  );
});

export function noticeText({ kind, users, count, role, actor, room }: Notice): string {
  const shown = users.slice(0, maxNames).map((u) => u.username);
  const more = count - shown.length;
  const name = new Intl.ListFormat("en").format(more > 0 ? [...shown, t("message.others", { count: more })] : shown);
  if (kind === "role") {
    return t("timeline.role", { name, role: role in roles ? t(roles[role as keyof typeof roles]) : role });
  }
  if (kind in kinds) return t(kinds[kind as keyof typeof kinds], { name });
  if (room?.topic) return t("timeline.topic", { name: actor.username, topic: room.topic });
  return t("timeline.changed", { name: actor.username });
}
