import { UserSearch } from "lucide-react";
import { useCallback, useEffect, useState } from "react";
import { useClient } from "~/features/app/client-context";
import { ListEnd } from "~/features/app/Lists";
import { usePages } from "~/features/app/use-loaded";
import { t } from "~/i18n/all";
import type { AdminUserJson, ListUsersResponseJson } from "~/protocol/gen/natter/auth/v1/accounts_pb";
import { at } from "~/rest/rest.client";
import { ConfirmDialog } from "~/ui/ConfirmDialog";
import { EmptyState } from "~/ui/EmptyState";
import { TextField } from "~/ui/TextField";
import { UserRow } from "./UserRow";

const limit = 100;

/** All accounts. The server lists them in the order they were made: what is searched for is looked up page by page. */
export default function UsersSection() {
  const client = useClient();
  const [text, setText] = useState("");
  const [asked, setAsked] = useState<{ what: "owner" | "close"; user: AdminUserJson }>();
  const users = usePages(
    useCallback(
      async (last: AdminUserJson | undefined, signal: AbortSignal) => {
        const page = await client.rest.get<ListUsersResponseJson>("/admin/users", { after: last?.id, limit }, signal);
        return { items: page.users ?? [], more: page.more ?? false };
      },
      [client],
    ),
  );
  const part = text.trim().toLocaleLowerCase();
  const shown = part
    ? users.items.filter(({ username = "", email = "" }) => `${username} ${email}`.toLocaleLowerCase().includes(part))
    : users.items;
  const { more, busy, fault, loadMore } = users;
  useEffect(() => {
    if (part && more && !busy && !fault) loadMore();
  }, [part, more, busy, fault, loadMore]);
  const change = async (method: "POST" | "PUT", path: string, body = {}) => {
    const now = await client.rest.call<AdminUserJson>(method, path, { body });
    users.change((items) => items.map((u) => (u.id === now.id ? now : u)));
  };
  const act = (done: Promise<void>) => void done.catch((error) => client.fail(error));
  const setRole = (id: string, role: string) => change("PUT", at`/admin/users/${id}/role`, { role });
  const name = asked?.user.username ?? "";
  return (
    <div className="flex flex-1 flex-col">
      <TextField
        label={t("admin.search")}
        type="search"
        value={text}
        onChange={(event) => setText(event.target.value)}
        autoComplete="off"
      />
      <ul className="mt-3">
        {shown.map((user) => (
          <UserRow
            key={user.id}
            user={user}
            onRole={(role) => (role === "owner" ? setAsked({ what: "owner", user }) : act(setRole(user.id ?? "", role)))}
            onClose={() => setAsked({ what: "close", user })}
            onReopen={() => act(change("POST", at`/admin/users/${user.id ?? ""}/reactivate`))}
          />
        ))}
      </ul>
      {more === false && shown.length === 0 && <EmptyState icon={UserSearch} title={t("admin.noUsers")} />}
      <ListEnd list={users} />
      {asked?.what === "close" && (
        <ConfirmDialog
          title={t("admin.closeTitle", { name })}
          text={t("admin.closeText")}
          submit={t("admin.closeSubmit")}
          danger
          onConfirm={() => change("POST", at`/admin/users/${asked.user.id ?? ""}/deactivate`)}
          onClose={() => setAsked(undefined)}
        />
      )}
      {asked?.what === "owner" && (
        <ConfirmDialog
          title={t("admin.makeOwnerTitle", { name })}
          text={t("admin.makeOwnerText")}
          submit={t("admin.makeOwnerSubmit")}
          danger
          onConfirm={async () => {
            await setRole(asked.user.id ?? "", "owner");
            users.reload();
          }}
          onClose={() => setAsked(undefined)}
        />
      )}
    </div>
  );
}
