import { X } from "lucide-react";
import { type KeyboardEvent, useCallback, useId, useState } from "react";
import { useApp, useClient } from "~/features/app/client-context";
import { useDebounced } from "~/features/app/use-debounced";
import { useKeyset } from "~/features/app/use-keyset";
import { rank } from "~/features/composer/completion";
import { t } from "~/i18n/t";
import * as decode from "~/protocol/decode";
import type { ListPeopleResponseJson } from "~/protocol/gen/natter/auth/v1/names_pb";
import type { UserRef } from "~/protocol/types";
import { Avatar } from "~/ui/Avatar";
import { cx } from "~/ui/class-names";

interface Props {
  label: string;
  chosen: readonly UserRef[];
  onChange(chosen: readonly UserRef[]): void;
  most: number;
}

/** Chooses people of the server by the beginning of their names. */
export function PeoplePicker({ label, chosen, onChange, most }: Props) {
  const client = useClient();
  const me = useApp((s) => s.chat.me?.id);
  const id = useId();
  const [query, setQuery] = useState("");
  const [active, setActive] = useState(0);
  const typed = query.trim().replace(/^@/, "");
  const wanted = useDebounced(typed);
  const list = useKeyset(
    useCallback(
      async (after: string, signal: AbortSignal) => {
        const { users = [], next = "" } = await client.rest.get<ListPeopleResponseJson>(
          "/auth/users",
          { query: wanted, after, limit: 20 },
          signal,
        );
        return { items: users.map(decode.userRef), next };
      },
      [client, wanted],
    ),
  );
  // What was found for fewer letters is not offered for more.
  const offered = list.items.filter((u) => !chosen.some((c) => c.id === u.id) && rank(u.username, typed) !== undefined);
  const at = Math.min(active, offered.length - 1);
  const choose = (user: UserRef | undefined) => {
    if (!user || chosen.length >= most) return;
    onChange([...chosen, user]);
    setQuery("");
    setActive(0);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0 && offered.length > 0) setActive((at + step + offered.length) % offered.length);
    else if (event.key === "Enter" && query !== "") choose(offered[at]);
    else if (event.key === "Backspace" && query === "") onChange(chosen.slice(0, -1));
    else return;
    if (event.key !== "Backspace") event.preventDefault();
  };
  return (
    <div className="flex flex-col gap-1.5">
      <label htmlFor={id} className="font-medium">
        {label}
      </label>
      <div className="flex flex-wrap items-center gap-1.5 rounded-lg border border-line-strong bg-ground p-1.5 focus-within:border-accent-ink focus-within:ring-2 focus-within:ring-selected">
        {chosen.map((user) => (
          <span key={user.id} className="flex h-7 items-center gap-1.5 rounded-full bg-selected pr-1 pl-1">
            <Avatar id={user.id} name={user.username} src={user.avatar} size={20} />
            <span className="max-w-40 truncate">{user.username}</span>
            <button
              type="button"
              aria-label={t("newMessage.remove", { name: user.username })}
              className="flex size-5 items-center justify-center rounded-full hover:bg-hover"
              onClick={() => onChange(chosen.filter((u) => u.id !== user.id))}
            >
              <X aria-hidden size={13} />
            </button>
          </span>
        ))}
        <input
          id={id}
          value={query}
          role="combobox"
          aria-expanded={offered.length > 0}
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={offered.length > 0 ? `${id}-${at}` : undefined}
          autoComplete="off"
          maxLength={33}
          placeholder={chosen.length === 0 ? t("newMessage.search") : undefined}
          className="h-7 min-w-32 flex-1 bg-transparent px-1 outline-none placeholder:text-ink-soft"
          onChange={(event) => {
            setQuery(event.target.value);
            setActive(0);
          }}
          onKeyDown={onKeyDown}
        />
      </div>
      <div id={`${id}-list`} role="listbox" aria-label={t("newMessage.found")} className="h-56 overflow-y-auto">
        {offered.map((user, i) => (
          <div
            key={user.id}
            id={`${id}-${i}`}
            role="option"
            tabIndex={-1}
            aria-selected={i === at}
            className={cx("flex h-10 cursor-pointer items-center gap-2.5 rounded-lg px-2", i === at ? "bg-selected" : "hover:bg-hover")}
            onPointerDown={(event) => {
              event.preventDefault();
              choose(user);
            }}
          >
            <Avatar id={user.id} name={user.username} src={user.avatar} size={26} />
            <span className="truncate">{user.id === me ? t("newMessage.you", { name: user.username }) : user.username}</span>
            {user.isBot && <span className="rounded bg-selected px-1 text-accent-ink text-xs">{t("newMessage.bot")}</span>}
          </div>
        ))}
      </div>
      {list.done && offered.length === 0 && wanted !== "" && (
        <p role="status" className="-mt-56 mb-44 px-2 py-4 text-center text-ink-soft">
          {t("newMessage.none")}
        </p>
      )}
    </div>
  );
}
