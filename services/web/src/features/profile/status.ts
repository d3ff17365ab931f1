// What people say about themselves.
import { t } from "~/i18n/t";
import type { Status } from "~/protocol/types";

/** Suggestions: an emoji and what it stands for. */
export const presets = [
  { emoji: "📅", key: "status.preset.meeting" },
  { emoji: "🥗", key: "status.preset.lunch" },
  { emoji: "🎧", key: "status.preset.focus" },
  { emoji: "🏡", key: "status.preset.home" },
  { emoji: "🤒", key: "status.preset.sick" },
  { emoji: "🌴", key: "status.preset.holiday" },
] as const;

/** When a status may end: seconds, or a time that has to be found. */
export const ends = ["0", "1800", "3600", "14400", "today", "week"] as const;
export type End = (typeof ends)[number];

/** Seconds from now until then; 0: until it is changed. */
export function secondsUntil(end: End, now: Date): number {
  if (end !== "today" && end !== "week") return Number(end);
  const then = new Date(now);
  then.setHours(24, 0, 0, 0);
  if (end === "week") then.setDate(then.getDate() + 6);
  return Math.max(1, Math.round((then.getTime() - now.getTime()) / 1000));
}

/** Whether it still holds; now: milliseconds since 1970. */
export const holds = (status: Status | undefined, now: number): status is Status =>
  status !== undefined &&
  (status.text !== "" || status.emoji !== "" || status.doNotDisturb) &&
  (!status.expiresAt || Date.parse(status.expiresAt) > now);

/** In one line. */
export const statusLine = ({ emoji, text, doNotDisturb }: Status): string =>
  [emoji, text || (doNotDisturb ? t("presence.doNotDisturb") : "")].filter(Boolean).join(" ");
