import { memo, type ReactNode } from "react";
import { t } from "~/i18n/t";
import type { Timestamp } from "~/protocol/types";
import { dayName } from "./dates";
import type { Line } from "./lines";
import { MessageRow } from "./MessageRow";
import { NoticeRow } from "./NoticeRow";
import { UnsentRow } from "./UnsentRow";

interface Props {
  line: Line;
  start: ReactNode;
  focusable: boolean;
  marked: boolean;
  isLastOwn: boolean;
}

/** One line of a timeline, and what stands above it. */
export function LineView({ line, start, focusable, marked, isLastOwn }: Props) {
  return (
    <>
      {line.day && <DayLine at={line.day} />}
      {line.kind === "start" && start}
      {line.kind === "message" && (
        <>
          {line.isUnread && <UnreadLine />}
          <MessageRow message={line.message} named={line.named} focusable={focusable} marked={marked} isLastOwn={isLastOwn} />
        </>
      )}
      {line.kind === "notice" && <NoticeRow notice={line.notice} />}
      {line.kind === "unsent" && <UnsentRow item={line.item} named={line.named} />}
    </>
  );
}

const DayLine = memo(function DayLine({ at }: { at: Timestamp }) {
  return (
    <div className="flex items-center gap-3 px-3 pt-4 pb-1.5 font-medium text-[13px] text-ink-soft md:px-5">
      <div className="h-px flex-1 bg-line" />
      <span>{dayName(at, Date.now())}</span>
      <div className="h-px flex-1 bg-line" />
    </div>
  );
});

const UnreadLine = () => (
  <div className="flex items-center gap-2 px-3 pt-1.5 font-semibold text-danger text-xs md:px-5">
    <div className="h-px flex-1 bg-danger" />
    <span className="uppercase tracking-wide">{t("timeline.new")}</span>
  </div>
);
