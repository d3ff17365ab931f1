declare module "virtual:emoji" {
  import type { EmojiData, EmojiDataEmoji } from "frimousse";

  /** `names` are what stands between colons: :wave:. The first is the usual one. */
  const data: Omit<EmojiData, "emojis"> & { emojis: (EmojiDataEmoji & { names: string[] })[] };
  export default data;
}
