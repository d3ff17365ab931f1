// Times as people say them, in the zone of this device.
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const moment = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const exact = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

const steps = [
  { unit: "second", length: 60 },
  { unit: "minute", length: 60 },
  { unit: "hour", length: 24 },
  { unit: "day", length: 7 },
] as const;

/** 21 Nov 2026. */
export const onDay = (time: string | undefined): string => (time ? day.format(new Date(time)) : "");
/** 21 Nov, 14:05. */
export const atMoment = (time: string | undefined): string => (time ? moment.format(new Date(time)) : "");
/** 21 Nov 2026, 14:05:09. */
export const exactly = (time: string | undefined): string => (time ? exact.format(new Date(time)) : "");

/** 5 minutes ago, in 3 hours; further than a week away it is the day. now: milliseconds since 1970. */
export function sinceThen(time: string | undefined, now = Date.now()): string {
  if (!time) return "";
  let distance = (Date.parse(time) - now) / 1000;
  for (const { unit, length } of steps) {
    if (Math.abs(distance) < length) return relative.format(Math.trunc(distance), unit);
    distance /= length;
  }
  return onDay(time);
}
