import data from "virtual:emoji";
import { type EmojiPickerListComponents, EmojiPicker as Picker } from "frimousse";
import { useState } from "react";
import { t } from "~/i18n/t";
import { chooseTone, chosenTone, recentEmoji, rememberEmoji } from "./recent.client";

const resolve = () => data;
const labels = new Map(data.emojis.flatMap((e) => [e.emoji, ...Object.values(e.skins ?? {})].map((form) => [form, e.label] as const)));

const components: EmojiPickerListComponents = {
  CategoryHeader: ({ category, ...props }) => (
    <div {...props} className="bg-raised px-1.5 pt-2.5 pb-1 font-medium text-ink-soft text-xs">
      {category.label}
    </div>
  ),
  Row: (props) => <div {...props} className="scroll-my-1.5" />,
  Emoji: ({ emoji, ...props }) => (
    <button
      type="button"
      {...props}
      className="flex size-9 items-center justify-center rounded-lg text-xl leading-none data-[active]:bg-selected"
    >
      {emoji.emoji}
    </button>
  ),
};

/** All emoji, to search and pick from. Large: load it with lazy(), as EmojiPopover does. */
export default function EmojiPicker({ onPick }: { onPick(emoji: string): void }) {
  const [recent] = useState(recentEmoji);
  const [tone, setTone] = useState(chosenTone);
  const pick = (emoji: string) => {
    rememberEmoji(emoji);
    onPick(emoji);
  };
  return (
    <Picker.Root
      className="flex h-[360px] w-[336px] max-w-full flex-col"
      columns={9}
      resolveEmojiData={resolve}
      skinTone={tone}
      onEmojiSelect={({ emoji }) => pick(emoji)}
    >
      <div className="flex items-center gap-1.5 p-2 pb-1.5">
        <Picker.Search
          autoFocus
          aria-label={t("emoji.search")}
          placeholder={t("emoji.search")}
          className="h-9 min-w-0 flex-1 appearance-none rounded-lg border border-line-strong bg-ground px-2.5 outline-none placeholder:text-ink-soft focus:border-accent-ink focus:ring-2 focus:ring-selected"
        />
        <Picker.SkinTone emoji="✋">
          {({ skinTone, setSkinTone, skinToneVariations }) => {
            const now = skinToneVariations.findIndex((v) => v.skinTone === skinTone);
            const next = skinToneVariations[(now + 1) % skinToneVariations.length];
            return (
              <button
                type="button"
                aria-label={t("emoji.tone")}
                className="size-9 shrink-0 rounded-lg text-xl leading-none hover:bg-hover"
                onClick={() => {
                  if (!next) return;
                  setSkinTone(next.skinTone);
                  setTone(next.skinTone);
                  chooseTone(next.skinTone);
                }}
              >
                {skinToneVariations[now]?.emoji}
              </button>
            );
          }}
        </Picker.SkinTone>
      </div>
      {recent.length > 0 && (
        <fieldset aria-label={t("emoji.recent")} className="flex border-line border-b px-1.5 pb-1.5">
          {recent.map((emoji) => (
            <button
              key={emoji}
              type="button"
              aria-label={labels.get(emoji) ?? emoji}
              className="size-9 shrink-0 rounded-lg text-xl leading-none hover:bg-hover"
              onClick={() => pick(emoji)}
            >
              {emoji}
            </button>
          ))}
        </fieldset>
      )}
      <Picker.Viewport className="min-h-0 flex-1 outline-none">
        <Picker.Empty className="flex h-full items-center justify-center text-ink-soft">{t("emoji.none")}</Picker.Empty>
        <Picker.List className="select-none px-1.5 pb-1.5" components={components} />
      </Picker.Viewport>
      <Picker.ActiveEmoji>
        {({ emoji }) => (
          <p className="flex h-9 items-center gap-2 border-line border-t px-3 text-[13px] text-ink-soft">
            {emoji ? (
              <>
                <span aria-hidden className="text-lg">
                  {emoji.emoji}
                </span>
                <span className="truncate">{emoji.label}</span>
              </>
            ) : (
              t("emoji.hint")
            )}
          </p>
        )}
      </Picker.ActiveEmoji>
    </Picker.Root>
  );
}
