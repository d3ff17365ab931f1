import { useVirtualizer } from "@tanstack/react-virtual";
import { UserSearch } from "lucide-react";
import { useRef, useState } from "react";
import { useApp } from "~/features/app/client-context";
import { t } from "~/i18n/all";
import type { MemberJson } from "~/protocol/gen/natter/chat/v1/chat_pb";
import type { RoomId } from "~/protocol/types";
import { roomEntry } from "~/state/selectors";
import { EmptyState } from "~/ui/EmptyState";
import { FormError } from "~/ui/FormError";
import { Spinner } from "~/ui/Spinner";
import { TextField } from "~/ui/TextField";
import { MemberDialog, type MemberQuestion } from "./MemberDialog";
import { MemberRow } from "./MemberRow";
import { found } from "./members";
import { useMembers } from "./use-members";

/** Everybody in a room: only those on the screen are in the page. */
export default function MembersSection({ roomId }: { roomId: RoomId }) {
  const { members, complete, fault } = useMembers(roomId);
  const entry = useApp(roomEntry(roomId));
  const [text, setText] = useState("");
  const [question, setQuestion] = useState<{ what: MemberQuestion; member: MemberJson }>();
  const scroller = useRef<HTMLDivElement>(null);
  const shown = found(members, text);
  const rows = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 60,
    overscan: 8,
    getItemKey: (i) => shown[i]?.user?.id ?? i,
  });
  if (!entry) return null;
  const all = entry.room.memberCount;
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <TextField
        label={t("members.search")}
        type="search"
        value={text}
        onChange={(event) => setText(event.target.value)}
        autoComplete="off"
      />
      <p role="status" className="mt-2 mb-1 flex items-center gap-2 text-[13px] text-ink-soft">
        {text ? t("members.found", { count: shown.length, all }) : t("members.count", { count: all })}
        {!complete && !fault && <Spinner size={13} />}
      </p>
      <FormError text={fault?.message ?? ""} />
      {complete && shown.length === 0 && <EmptyState icon={UserSearch} title={t("members.none")} />}
      <div ref={scroller} className="h-[calc(100dvh-13rem)] min-h-64 overflow-y-auto">
        <ul className="relative" style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map(({ key, index, start }) => {
            const member = shown[index];
            return (
              member && (
                <li
                  key={key}
                  ref={rows.measureElement}
                  data-index={index}
                  aria-setsize={shown.length}
                  aria-posinset={index + 1}
                  className="absolute inset-x-0 top-0"
                  style={{ transform: `translateY(${start}px)` }}
                >
                  <MemberRow entry={entry} member={member} onAsk={(what) => setQuestion({ what, member })} />
                </li>
              )
            );
          })}
        </ul>
      </div>
      {question && <MemberDialog roomId={roomId} {...question} onClose={() => setQuestion(undefined)} />}
    </div>
  );
}
