import { Link } from "@tanstack/react-router";
import { BellOff, PencilLine } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useApp } from "~/features/app/client-context";
import { useHasDraft } from "~/features/composer/use-draft";
import { t } from "~/i18n/t";
import type { RoomId } from "~/protocol/types";
import { roomEntry, roomTitle } from "~/state/selectors";
import { Badge } from "~/ui/Badge";
import { cx } from "~/ui/class-names";
import { RoomIcon } from "./RoomIcon";
import { isQuiet } from "./sections";

const RoomMenu = lazy(() => import("./RoomMenu"));

/** A line of the room list. What one can do with the room is there once somebody comes near. */
export function RoomLink({ roomId }: { roomId: RoomId }) {
  const entry = useApp(roomEntry(roomId));
  const me = useApp((s) => s.chat.me?.id);
  const draft = useHasDraft(roomId);
  const [near, setNear] = useState(() => matchMedia("(pointer: coarse)").matches);
  if (!entry) return null;
  const { unread, mentions } = entry.marker;
  const quiet = isQuiet(entry);
  const calls = unread > 0 && !quiet;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only notices that somebody comes near
    <div className="group relative" onPointerEnter={() => setNear(true)} onFocus={() => setNear(true)}>
      <Link
        to="/rooms/$roomId"
        params={{ roomId }}
        data-room={roomId}
        className={cx("flex h-9 items-center gap-2.5 rounded-lg px-2 hover:bg-hover", calls && "font-semibold")}
        activeProps={{ className: "bg-selected", "aria-current": "page" }}
        inactiveProps={{ className: calls ? "" : "text-ink-soft" }}
      >
        <RoomIcon entry={entry} me={me} />
        <span className="min-w-0 flex-1 truncate">{roomTitle(entry, me)}</span>
        <span className="flex items-center gap-1.5 group-focus-within:pr-7 group-hover:pr-7 pointer-coarse:pr-7 group-has-data-[state=open]:pr-7">
          {draft && <Sign icon={PencilLine} label={t("rooms.draft")} />}
          {quiet && <Sign icon={BellOff} label={t("rooms.muted")} />}
          {mentions > 0 ? (
            <Badge strong count={mentions} label={t("rooms.mentions", { count: mentions })} />
          ) : (
            !quiet && <Badge count={unread} label={t("rooms.unread", { count: unread })} />
          )}
        </span>
      </Link>
      <Suspense>
        {near && (
          <RoomMenu
            roomId={roomId}
            className="absolute top-1 right-1 opacity-0 focus-visible:opacity-100 group-hover:opacity-100 pointer-coarse:opacity-100 data-[state=open]:opacity-100"
          />
        )}
      </Suspense>
    </div>
  );
}

const Sign = ({ icon: Icon, label }: { icon: typeof BellOff; label: string }) => (
  <span role="img" aria-label={label} title={label} className="text-ink-soft">
    <Icon aria-hidden size={14} />
  </span>
);
