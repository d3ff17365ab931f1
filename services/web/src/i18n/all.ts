// Every text of the client, for what is loaded when somebody goes there: settings, administration, and what links lead to. The first pages
// do without (t.ts).
import { en } from "./en";
import { administration } from "./en/administration";
import { roomSettings } from "./en/room-settings";
import { settings } from "./en/settings";
import { translator } from "./t";

export const all = { ...en, ...settings, ...roomSettings, ...administration };

export type Key = keyof typeof all;

export const t = translator(all);
