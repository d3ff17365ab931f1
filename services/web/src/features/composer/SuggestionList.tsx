import { useEffect, useRef } from "react";
import { t } from "~/i18n/t";
import { Avatar } from "~/ui/Avatar";
import { cx } from "~/ui/class-names";
import type { Suggestion } from "./completion";

interface Props {
  id: string;
  label: string;
  suggestions: readonly Suggestion[];
  active: number;
  onPick(at: number): void;
}

/** Above the field that has the focus, which says which option is active. */
export function SuggestionList({ id, label, suggestions, active, onPick }: Props) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: "nearest" });
  }, [active]);
  return (
    <>
      <div
        ref={list}
        id={id}
        role="listbox"
        aria-label={label}
        className="absolute inset-x-0 bottom-full z-30 mb-1.5 max-h-72 overflow-y-auto rounded-xl border border-line bg-raised p-1 shadow-float"
      >
        {suggestions.map(({ key, label: name, hint, user, sign }, i) => (
          <div
            key={key}
            id={`${id}-${i}`}
            role="option"
            tabIndex={-1}
            aria-selected={i === active}
            className={cx("flex h-9 cursor-pointer items-center gap-2.5 rounded-lg px-2", i === active ? "bg-selected" : "hover:bg-hover")}
            // The field keeps the focus.
            onPointerDown={(event) => {
              event.preventDefault();
              onPick(i);
            }}
          >
            {user ? (
              <Avatar id={user.id} name={user.username} src={user.avatar} size={24} />
            ) : (
              <span aria-hidden className="w-6 text-center text-xl leading-none">
                {sign}
              </span>
            )}
            <span className="truncate font-medium">{name}</span>
            {hint && <span className="truncate text-[13px] text-ink-soft">{hint}</span>}
          </div>
        ))}
      </div>
      <span role="status" className="sr-only">
        {t("composer.suggestions", { count: suggestions.length })}
      </span>
    </>
  );
}
