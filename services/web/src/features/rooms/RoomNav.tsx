import { Link } from "@tanstack/react-router";
import { AtSign, MessagesSquare, Search } from "lucide-react";
import { useApp } from "~/features/app/client-context";
import { t } from "~/i18n/t";
import { Badge } from "~/ui/Badge";

const pages = [
  ["/rooms/search", Search, "search.title"],
  ["/rooms/mentions", AtSign, "mentions.title"],
  ["/rooms/threads", MessagesSquare, "threads.title"],
] as const;

/** What is gathered from all rooms. */
export function RoomNav() {
  const mentions = useApp((s) => Object.values(s.chat.rooms).reduce((sum, r) => sum + r.marker.mentions, 0));
  return (
    <ul className="mb-2">
      {pages.map(([to, Icon, title]) => (
        <li key={to}>
          <Link
            to={to}
            className="flex h-9 items-center gap-2.5 rounded-lg px-2 hover:bg-hover"
            activeProps={{ className: "bg-selected", "aria-current": "page" }}
            inactiveProps={{ className: "text-ink-soft" }}
          >
            <span className="flex size-[22px] shrink-0 items-center justify-center">
              <Icon aria-hidden size={17} />
            </span>
            <span className="flex-1">{t(title)}</span>
            {to === "/rooms/mentions" && <Badge strong count={mentions} label={t("rooms.mentions", { count: mentions })} />}
          </Link>
        </li>
      ))}
    </ul>
  );
}
