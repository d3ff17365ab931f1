import { useRouter } from "@tanstack/react-router";
import { AtSign, BellOff, MessageCircle, Pencil } from "lucide-react";
import { useApp, useClient } from "~/features/app/client-context";
import { t } from "~/i18n/all";
import { atMoment, sinceThen } from "~/i18n/dates";
import type { UserRef } from "~/protocol/types";
import { person } from "~/state/selectors";
import { Avatar } from "~/ui/Avatar";
import { Button } from "~/ui/Button";
import { openDirect } from "./direct";
import { PresenceDot } from "./PresenceDot";
import { holds, statusLine } from "./status";
import { usePresence } from "./use-presence";

interface Props {
  user: UserRef;
  onMention?(user: UserRef): void;
  onClose(): void;
}

/** Who somebody is: picture, name, whether they are there, and what they say about themself. */
export default function ProfileCard({ user: given, onMention, onClose }: Props) {
  const client = useClient();
  const router = useRouter();
  const me = useApp((s) => s.chat.me?.id);
  const user = useApp(person(given.id)) ?? given;
  const presence = usePresence(user.id);
  const status = presence?.status;
  const isMe = user.id === me;
  const state = presence && (presence.online ? (presence.away ? "away" : "online") : "offline");
  const then = (act: () => void) => () => {
    onClose();
    act();
  };
  return (
    <div className="p-4">
      <div className="flex items-center gap-3">
        <Avatar id={user.id} name={user.username} src={user.avatar} size={56} />
        <div className="min-w-0 flex-1">
          <p className="flex items-center gap-2">
            <span className="truncate font-semibold text-[17px]">{user.username}</span>
            {user.isBot && <span className="rounded bg-hover px-1.5 text-[12px] text-ink-soft">{t("profile.bot")}</span>}
          </p>
          <p className="flex items-center gap-1.5 text-[13px] text-ink-soft">
            <PresenceDot presence={presence} />
            {state === "offline" && presence?.lastSeen
              ? t("presence.seen", { when: sinceThen(presence.lastSeen) })
              : state
                ? t(`presence.${state}`)
                : isMe && t("profile.you")}
          </p>
        </div>
      </div>
      {holds(status, Date.now()) && (
        <p className="mt-3 flex items-start gap-2 rounded-lg bg-side px-3 py-2">
          {status.doNotDisturb && <BellOff aria-label={t("presence.doNotDisturb")} size={15} className="mt-0.5 shrink-0 text-ink-soft" />}
          <span className="min-w-0 break-words">
            {statusLine(status)}
            {status.expiresAt && (
              <span className="block text-[13px] text-ink-soft">{t("profile.until", { when: atMoment(status.expiresAt) })}</span>
            )}
          </span>
        </p>
      )}
      <div className="mt-4 flex gap-2">
        {isMe ? (
          <Button
            className="flex-1"
            onClick={then(() => void router.navigate({ to: "/settings/$section", params: { section: "profile" } }))}
          >
            <Pencil aria-hidden size={16} />
            {t("profile.edit")}
          </Button>
        ) : (
          <Button kind="primary" className="flex-1" onClick={then(() => void openDirect(client, router, user.id))}>
            <MessageCircle aria-hidden size={16} />
            {t("profile.message")}
          </Button>
        )}
        {!isMe && onMention && (
          <Button className="flex-1" onClick={then(() => onMention(user))}>
            <AtSign aria-hidden size={16} />
            {t("profile.mention")}
          </Button>
        )}
      </div>
    </div>
  );
}
