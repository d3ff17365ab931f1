import { ChevronRight } from "lucide-react";
import { type ReactNode, useId } from "react";
import { useApp } from "~/features/app/client-context";
import { t } from "~/i18n/t";
import { Badge } from "~/ui/Badge";
import { cx } from "~/ui/class-names";
import { RoomLink } from "./RoomLink";
import { idsOf, isQuiet, type SectionName } from "./sections";

interface Props {
  name: SectionName;
  /** Of its rooms, as Sections has them. */
  ids: string;
  collapsed: boolean;
  onToggle(): void;
  /** What adds to it. */
  actions?: ReactNode;
  children?: ReactNode;
}

/** A part of the room list that can be closed. Then it says what is unread in it. */
export function RoomSection({ name, ids, collapsed, onToggle, actions, children }: Props) {
  const id = useId();
  return (
    <section aria-label={t(`rooms.${name}`)} className="mb-2">
      <div className="flex h-8 items-center pr-1">
        <h2 className="min-w-0 flex-1">
          <button
            type="button"
            aria-expanded={!collapsed}
            aria-controls={id}
            className="flex h-7 w-full items-center gap-1 rounded-lg px-1.5 font-medium text-[13px] text-ink-soft hover:text-ink"
            onClick={onToggle}
          >
            <ChevronRight aria-hidden size={14} className={cx("transition-transform", !collapsed && "rotate-90")} />
            {t(`rooms.${name}`)}
            {collapsed && <HiddenUnread ids={ids} />}
          </button>
        </h2>
        {actions}
      </div>
      <div id={id} hidden={collapsed}>
        <ul>
          {idsOf(ids).map((roomId) => (
            <li key={roomId}>
              <RoomLink roomId={roomId} />
            </li>
          ))}
        </ul>
        {children}
      </div>
    </section>
  );
}

function HiddenUnread({ ids }: { ids: string }) {
  const entries = (s: Parameters<Parameters<typeof useApp>[0]>[0]) => idsOf(ids).flatMap((id) => s.chat.rooms[id] ?? []);
  const mentions = useApp((s) => entries(s).reduce((sum, e) => sum + e.marker.mentions, 0));
  const unread = useApp((s) => entries(s).reduce((sum, e) => sum + (isQuiet(e) ? 0 : e.marker.unread), 0));
  return (
    <span className="ml-auto">
      {mentions > 0 ? (
        <Badge strong count={mentions} label={t("rooms.mentions", { count: mentions })} />
      ) : (
        <Badge count={unread} label={t("rooms.unread", { count: unread })} />
      )}
    </span>
  );
}
