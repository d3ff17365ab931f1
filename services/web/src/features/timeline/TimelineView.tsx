import { MessageCircle } from "lucide-react";
import { useEffect, useLayoutEffect, useRef } from "react";
import { useShallow } from "zustand/react/shallow";
import { useApp, useClient } from "~/features/app/client-context";
import { Loading } from "~/features/app/pages";
import { t } from "~/i18n/t";
import type { RoomId } from "~/protocol/types";
import { isLive, timeline, unsentIn } from "~/state/selectors";
import { Button } from "~/ui/Button";
import { EmptyState } from "~/ui/EmptyState";
import { MessageRow, NoticeRow, UnsentRow } from "./rows";

/** The messages of a room, at its end unless somebody scrolls. */
export function TimelineView({ roomId }: { roomId: RoomId }) {
  const client = useClient();
  const window = useApp(timeline(roomId));
  const unsent = useApp(useShallow(unsentIn(roomId)));
  const live = useApp(isLive);
  const scroller = useRef<HTMLDivElement>(null);
  const missing = !window;

  useEffect(() => {
    if (missing && live) client.open(roomId).catch((error) => client.fail(error));
  }, [client, roomId, missing, live]);

  const last = window?.messages.at(-1)?.seq ?? 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was added moves the end
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element && window?.following) element.scrollTop = element.scrollHeight;
  }, [last, unsent.length, window?.following, window?.notices.length]);

  useEffect(() => {
    if (last > 0 && window?.following && document.visibilityState === "visible") client.markRead(roomId, window.asOf);
  }, [client, roomId, last, window?.asOf, window?.following]);

  if (!window)
    return (
      <div className="min-h-0 flex-1">
        <Loading />
      </div>
    );
  const isEmpty = window.messages.length === 0 && unsent.length === 0;
  const lines = [
    ...window.messages.map((message) => ({ seq: message.seq, row: <MessageRow key={message.seq} message={message} /> })),
    ...window.notices.map((notice) => ({ seq: notice.seq, row: <NoticeRow key={`n${notice.seq}`} notice={notice} /> })),
  ].sort((a, b) => a.seq - b.seq);
  return (
    <div
      ref={scroller}
      className="flex min-h-0 flex-1 flex-col overflow-y-auto overscroll-contain"
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) =>
        client.follow(roomId, 0, !window.newer && scrollHeight - scrollTop - clientHeight < 40)
      }
    >
      {isEmpty && <EmptyState icon={MessageCircle} title={t("timeline.empty")} text={t("timeline.emptyHint")} />}
      <div className={isEmpty ? "" : "flex-1"} />
      {window.older && (
        <div className="p-3 text-center">
          <Button kind="quiet" onClick={() => client.loadOlder(roomId).catch((e) => client.fail(e))}>
            {t("timeline.older")}
          </Button>
        </div>
      )}
      <div role="log" aria-label={t("timeline.label")} className="pb-4">
        {lines.map(({ row }) => row)}
        {unsent.map((item) => (
          <UnsentRow key={item.nonce} item={item} />
        ))}
      </div>
      {window.newer && (
        <div className="p-3 text-center">
          <Button kind="quiet" onClick={() => client.loadNewer(roomId).catch((e) => client.fail(e))}>
            {t("timeline.newer")}
          </Button>
        </div>
      )}
    </div>
  );
}
