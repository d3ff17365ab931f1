// What this device remembers of the emoji somebody picks. Storage may be full or forbidden: then nothing is remembered.
import type { SkinTone } from "frimousse";

const recentKey = "natter-emoji";
const toneKey = "natter-emoji-tone";
/** As many as fit one row of the picker. */
const most = 9;

export function recentEmoji(): string[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(recentKey) ?? "[]");
    return Array.isArray(stored) ? stored.filter((e) => typeof e === "string").slice(0, most) : [];
  } catch {
    return [];
  }
}

export function rememberEmoji(emoji: string): void {
  try {
    localStorage.setItem(recentKey, JSON.stringify([emoji, ...recentEmoji().filter((e) => e !== emoji)].slice(0, most)));
  } catch {}
}

export function chosenTone(): SkinTone {
  try {
    return (localStorage.getItem(toneKey) as SkinTone | null) ?? "none";
  } catch {
    return "none";
  }
}

export function chooseTone(tone: SkinTone): void {
  try {
    localStorage.setItem(toneKey, tone);
  } catch {}
}
