import { lazy, Suspense } from "react";
import { useApp } from "~/features/app/client-context";
import { t } from "~/i18n/t";
import type { Message, Reaction } from "~/protocol/types";
import { cx } from "~/ui/class-names";
import { Tooltip } from "~/ui/Tooltip";
import { useTools } from "./tools";

const AddReaction = lazy(() => import("./AddReaction"));

/** Names that a tooltip lists. */
const maxNames = 12;

export function Reactions({ message: m }: { message: Message }) {
  const tools = useTools();
  const me = useApp((s) => s.chat.me?.id ?? "");
  if (m.reactions.length === 0) return null;
  const can = tools.canReact(m);
  return (
    <div className="mt-1 mb-0.5 flex flex-wrap gap-1">
      {m.reactions.map((reaction) => {
        const mine = reaction.userIds.includes(me);
        return (
          <Tooltip key={reaction.emoji} text={<Names reaction={reaction} />}>
            <button
              type="button"
              aria-pressed={mine}
              aria-label={t("message.reaction", { emoji: reaction.emoji, count: reaction.count })}
              disabled={!can}
              onClick={() => tools.react(m, reaction.emoji)}
              className={cx(
                "inline-flex h-6 items-center gap-1 rounded-full border px-2 text-[13px] tabular-nums disabled:opacity-100",
                mine
                  ? "border-accent-ink bg-selected font-medium text-accent-ink"
                  : "border-line bg-side text-ink-soft hover:border-line-strong",
              )}
            >
              <span className="text-[15px] leading-none">{reaction.emoji}</span>
              {reaction.count}
            </button>
          </Tooltip>
        );
      })}
      {can && (
        <Suspense>
          <AddReaction onPick={(emoji) => tools.react(m, emoji)} />
        </Suspense>
      )}
    </div>
  );
}

/** Who reacted; people whom this client has not seen are only counted. */
function Names({ reaction: { emoji, count, userIds } }: { reaction: Reaction }) {
  const names = useApp((s) => {
    const known = userIds
      .map((id) => (id === s.chat.me?.id ? t("message.you") : s.chat.people[id]?.username))
      .filter((name) => name !== undefined);
    const shown = known.slice(0, maxNames);
    const others = count - shown.length;
    return new Intl.ListFormat("en").format(others > 0 ? [...shown, t("message.others", { count: others })] : shown);
  });
  return t("message.reacted", { names, emoji });
}
