// The emoji that the picker and the completion know, as a module "virtual:emoji": what they need of emojibase, a third of its size.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Plugin } from "vite";

interface Source {
  hexcode: string;
  emoji: string;
  label: string;
  version: number;
  group?: number;
  tags?: string[];
  skins?: { emoji: string; tone: number | number[] }[];
}

/** Newer ones are boxes on too many devices. */
const newest = 15.1;
/** The group of skin tones and hair, which are no emoji by themselves. */
const components = 2;
const tones = ["light", "medium-light", "medium", "medium-dark", "dark"] as const;

export function emojiData(): Plugin {
  const id = "virtual:emoji";
  return {
    name: "natter-emoji-data",
    resolveId: (source) => (source === id ? `\0${id}` : undefined),
    load: (loaded) => (loaded === `\0${id}` ? `export default JSON.parse(${JSON.stringify(JSON.stringify(select()))})` : undefined),
  };
}

function select() {
  const all = read<Source[]>("data.json");
  const names = read<Record<string, string | string[]>>("shortcodes/github.json");
  const { groups, skinTones } = read<{ groups: { order: number; message: string }[]; skinTones: { key: string; message: string }[] }>(
    "messages.json",
  );
  return {
    locale: "en",
    emojis: all
      .filter((e) => e.group !== undefined && e.group !== components && e.version <= newest)
      .map((e) => ({
        emoji: e.emoji,
        label: e.label,
        category: e.group,
        version: e.version,
        names: [names[e.hexcode] ?? []].flat(),
        tags: e.tags ?? [],
        skins: skins(e),
      })),
    categories: groups.filter((g) => g.order !== components).map((g) => ({ index: g.order, label: capital(g.message) })),
    skinTones: Object.fromEntries(skinTones.map((s) => [s.key, capital(s.message)])),
  };
}

/** By one tone; pairs of people with two different ones are left out. */
function skins(e: Source) {
  const single = (e.skins ?? []).flatMap(({ emoji, tone }) => (typeof tone === "number" ? [[tones[tone - 1], emoji]] : []));
  return single.length > 0 ? Object.fromEntries(single) : undefined;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function read<T>(name: string): T {
  return JSON.parse(readFileSync(createRequire(import.meta.url).resolve(`emojibase-data/en/${name}`), "utf8")) as T;
}
