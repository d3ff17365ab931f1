import { en } from "./en";

/** A text, or its forms for one and for other numbers. */
type Text = string | { readonly one: string; readonly other: string };
type Catalogue = Readonly<Record<string, Text>>;

/** The names in braces of a text. */
type Names<T> = T extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
/** What a text wants filled in; one with forms always wants to know how many. */
type NamesOf<T> = T extends { readonly other: infer Other } ? Names<Other> | "count" : Names<T>;
/** What has to be given for a text: nothing, or a value for each of its names. */
type Values<T> = [NamesOf<T>] extends [never] ? [] : [{ [N in NamesOf<T>]: string | number }];

const plural = new Intl.PluralRules("en");
const numbers = new Intl.NumberFormat("en");

/**
 * Makes the function that gives the texts of a catalogue, with their names filled in. Where a text has forms, `count` chooses. What is
 * loaded later than the rooms brings a catalogue of its own along (i18n/<area>.ts), so that nobody waits for its texts before.
 */
export const translator =
  <C extends Catalogue>(catalogue: C) =>
  <K extends keyof C>(key: K, ...[values]: Values<C[K]>): string => {
    const entry: Text | undefined = catalogue[key];
    const given = (values ?? {}) as Record<string, string | number>;
    const text = typeof entry === "object" ? (plural.select(Number(given.count)) === "one" ? entry.one : entry.other) : (entry ?? "");
    return text.replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = given[name];
      return typeof value === "number" ? numbers.format(value) : (value ?? "");
    });
  };

export type Key = keyof typeof en;

/** The texts of everything that is loaded first. */
export const t = translator(en);
