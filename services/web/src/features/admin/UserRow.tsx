import { useRouter } from "@tanstack/react-router";
import { Crown, EllipsisVertical, KeyRound, MailCheck, ScrollText, Shield, ShieldOff, UserCheck, UserX } from "lucide-react";
import { useApp, useClient } from "~/features/app/client-context";
import { t } from "~/i18n/all";
import { onDay } from "~/i18n/dates";
import type { AdminUserJson } from "~/protocol/gen/natter/auth/v1/accounts_pb";
import { Avatar } from "~/ui/Avatar";
import { Row } from "~/ui/Group";
import { IconButton } from "~/ui/IconButton";
import { Menu, MenuItem, MenuSeparator } from "~/ui/Menu";

interface Props {
  user: AdminUserJson;
  onRole(role: "owner" | "admin" | "member"): void;
  onClose(): void;
  onReopen(): void;
}

/** An account, and what an administrator may do with it; roles are the owner's to give. */
export function UserRow({ user, onRole, onClose, onReopen }: Props) {
  const client = useClient();
  const router = useRouter();
  const me = useApp((s) => s.user?.id);
  const isOwner = useApp((s) => s.role === "owner");
  const { id = "", username: name = "", email = "", avatar, role = "member", state = "active", emailVerified, createdAt } = user;
  const mail = (path: string) =>
    client.openRest.post(path, { email }).then(
      () => client.toast(t("admin.resetSent", { email })),
      (error) => client.fail(error),
    );
  const isActive = state === "active";
  const mayClose = id !== me && role !== "owner" && (isOwner || role === "member");
  return (
    <Row>
      <Avatar id={id} name={name} src={avatar} size={36} />
      <div className="min-w-0 flex-1">
        <p className="flex flex-wrap items-center gap-x-2">
          <span className="truncate font-medium">{name}</span>
          {role !== "member" && (
            <span className="rounded-full bg-selected px-2 text-[12px] text-accent-ink">{t(`admin.role.${role as "admin"}`)}</span>
          )}
          {!isActive && (
            <span className="rounded-full bg-danger-soft px-2 text-[12px] text-danger">{t(`admin.state.${state as "deactivated"}`)}</span>
          )}
        </p>
        <p className="truncate text-[13px] text-ink-soft">
          {[email, !emailVerified && email && t("admin.unverified"), t("admin.joined", { when: onDay(createdAt) })]
            .filter(Boolean)
            .join(" · ")}
        </p>
      </div>
      <Menu align="end" trigger={<IconButton icon={EllipsisVertical} label={t("admin.actions", { name })} />}>
        <MenuItem
          icon={ScrollText}
          onSelect={() => void router.navigate({ to: "/administration/$section", params: { section: "audit" }, search: { user: id } })}
        >
          {t("admin.events")}
        </MenuItem>
        {isActive && email && (
          <>
            <MenuItem icon={KeyRound} onSelect={() => void mail("/auth/password-reset")}>
              {t("admin.sendReset")}
            </MenuItem>
            {!emailVerified && (
              <MenuItem icon={MailCheck} onSelect={() => void mail("/auth/verification")}>
                {t("admin.verify")}
              </MenuItem>
            )}
          </>
        )}
        {isOwner && isActive && id !== me && (
          <>
            <MenuSeparator />
            {role === "member" ? (
              <MenuItem icon={Shield} onSelect={() => onRole("admin")}>
                {t("admin.makeAdmin")}
              </MenuItem>
            ) : (
              <MenuItem icon={ShieldOff} onSelect={() => onRole("member")}>
                {t("admin.makeMember")}
              </MenuItem>
            )}
            <MenuItem icon={Crown} onSelect={() => onRole("owner")}>
              {t("admin.makeOwner")}
            </MenuItem>
          </>
        )}
        {mayClose && state !== "deleted" && <MenuSeparator />}
        {mayClose && isActive && (
          <MenuItem icon={UserX} danger onSelect={onClose}>
            {t("admin.close")}
          </MenuItem>
        )}
        {mayClose && state === "deactivated" && (
          <MenuItem icon={UserCheck} onSelect={onReopen}>
            {t("admin.reopen")}
          </MenuItem>
        )}
      </Menu>
    </Row>
  );
}
