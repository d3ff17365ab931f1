// Times as the reader's clock and calendar show them.
import { t } from "~/i18n/t";
import type { Timestamp } from "~/protocol/types";

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const withYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const short = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/** The time of day. */
export const timeOfDay = (at: Timestamp | number): string => clock.format(new Date(at));

/** Date and time, to the second. */
export const exactTime = (at: Timestamp | number): string => exact.format(new Date(at));

/** Date and time, for what stands alone; of today, the time is enough. */
export const shortTime = (at: Timestamp | number, now: number): string =>
  dayOf(at) === dayOf(now) ? timeOfDay(at) : short.format(new Date(at));

/** Equal for times of one day. */
export function dayOf(at: Timestamp | number): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${date.getMonth()}-${date.getDate()}`;
}

/** A day as people say it: today, yesterday, its weekday, and after half a year its year. */
export function dayName(at: Timestamp | number, now: number): string {
  const day = dayOf(at);
  if (day === dayOf(now)) return t("timeline.today");
  const yesterday = new Date(now);
  yesterday.setDate(yesterday.getDate() - 1);
  if (day === dayOf(yesterday.getTime())) return t("timeline.yesterday");
  return (Math.abs(now - new Date(at).getTime()) < 182 * 86_400_000 ? weekday : withYear).format(new Date(at));
}
