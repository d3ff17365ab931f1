import { useCallback, useState } from "react";
import { useClient } from "~/features/app/client-context";
import { usePages } from "~/features/app/use-loaded";
import { usePeople } from "~/features/profile/use-people";
import { t } from "~/i18n/all";
import { onDay } from "~/i18n/dates";
import type { RoomInvitationJson } from "~/protocol/gen/natter/rooms/v1/access_pb";
import type { RoomId, UserRef } from "~/protocol/types";
import { at } from "~/rest/rest.client";
import { Avatar } from "~/ui/Avatar";
import { Button } from "~/ui/Button";
import { FormError } from "~/ui/FormError";
import { Group, Row } from "~/ui/Group";
import { TextField } from "~/ui/TextField";

const limit = 50;

/** Invites people by name, and shows who has not answered yet. */
export function InvitePeople({ roomId }: { roomId: RoomId }) {
  const client = useClient();
  const [text, setText] = useState("");
  const people = usePeople(text);
  const pending = usePages(
    useCallback(
      async (last: RoomInvitationJson | undefined, signal: AbortSignal) => {
        const path = at`/chat/rooms/${roomId}/invitations`;
        const items = await client.rest.get<RoomInvitationJson[]>(path, { after: last?.id, limit }, signal);
        return { items, more: items.length === limit };
      },
      [client, roomId],
    ),
  );
  const invite = async ({ id, username }: UserRef) => {
    try {
      await client.rest.post(at`/chat/rooms/${roomId}/invitations`, { userId: id });
      client.toast(t("invite.invited", { name: username }));
      setText("");
      pending.reload();
    } catch (error) {
      client.fail(error);
    }
  };
  const takeBack = async (id: string) => {
    try {
      await client.rest.call("DELETE", at`/chat/rooms/${roomId}/invitations/${id}`);
      pending.change((items) => items.filter((i) => i.id !== id));
    } catch (error) {
      client.fail(error);
    }
  };
  return (
    <Group title={t("invite.people")} hint={t("invite.peopleHint")}>
      <TextField
        label={t("invite.search")}
        type="search"
        value={text}
        onChange={(event) => setText(event.target.value)}
        autoComplete="off"
      />
      {people && (
        <ul aria-live="polite">
          {people.length === 0 && <li className="text-ink-soft">{t("invite.noMatch")}</li>}
          {people.slice(0, 8).map((person) => (
            <Row key={person.id}>
              <Avatar id={person.id} name={person.username} src={person.avatar} size={28} />
              <span className="min-w-0 flex-1 truncate">{person.username}</span>
              <Button aria-label={t("invite.inviteLabel", { name: person.username })} onClick={() => void invite(person)}>
                {t("invite.invite")}
              </Button>
            </Row>
          ))}
        </ul>
      )}
      <FormError text={pending.fault?.message ?? ""} />
      {pending.items.length > 0 && (
        <div>
          <h3 className="mb-1 font-medium">{t("invite.pending")}</h3>
          <ul>
            {pending.items.map(({ id = "", user = {}, by, expiresAt }) => (
              <Row key={id}>
                <Avatar id={user.id ?? ""} name={user.username ?? ""} src={user.avatar} size={28} />
                <div className="min-w-0 flex-1">
                  <p className="truncate">{user.username}</p>
                  <p className="text-[13px] text-ink-soft">{t("invite.pendingBy", { name: by?.username ?? "", when: onDay(expiresAt) })}</p>
                </div>
                <Button aria-label={t("invite.takeBackLabel", { name: user.username ?? "" })} onClick={() => void takeBack(id)}>
                  {t("invite.takeBack")}
                </Button>
              </Row>
            ))}
          </ul>
          {pending.more && (
            <Button className="mt-2" busy={pending.busy} onClick={pending.loadMore}>
              {t("common.more")}
            </Button>
          )}
        </div>
      )}
    </Group>
  );
}
