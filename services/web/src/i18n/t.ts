import { en } from "./en";

type Catalogue = typeof en;
export type Key = keyof Catalogue;

/** The names in braces of a text. */
type Names<Text> = Text extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
type TextOf<K extends Key> = Catalogue[K] extends { other: infer Other } ? Other : Catalogue[K];
/** What a text wants filled in; one with forms always wants to know how many. */
type Wanted<K extends Key> = Names<TextOf<K>> | (Catalogue[K] extends { other: string } ? "count" : never);
type Values<K extends Key> = { [N in Wanted<K>]: string | number };

const plural = new Intl.PluralRules("en");
const numbers = new Intl.NumberFormat("en");

/** The text of a key, with its names filled in. Where a text has forms, `count` chooses. */
export function t<K extends Key>(key: K, ...[values]: [Wanted<K>] extends [never] ? [] : [Values<K>]): string {
  const entry: string | { one: string; other: string } = en[key];
  const given = (values ?? {}) as Record<string, string | number>;
  const text = typeof entry === "string" ? entry : plural.select(Number(given.count)) === "one" ? entry.one : entry.other;
  return text.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = given[name];
    return typeof value === "number" ? numbers.format(value) : (value ?? "");
  });
}
