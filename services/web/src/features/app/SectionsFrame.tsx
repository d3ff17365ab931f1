import { Link, type LinkProps, useRouter } from "@tanstack/react-router";
import { ArrowLeft, ChevronRight, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { t } from "~/i18n/t";
import { cx } from "~/ui/class-names";
import { IconButton } from "~/ui/IconButton";

export interface Section {
  id: string;
  label: string;
  icon: LucideIcon;
}

interface Props {
  title: string;
  sections: readonly Section[];
  /** The section that is shown; on a phone undefined is the list of them, elsewhere the first. */
  section: string | undefined;
  linkTo(section: string | undefined): LinkProps;
  /** Where the arrow of the list leads. */
  back: LinkProps;
  backLabel?: string;
  children: ReactNode;
}

/** A page of several sections: the list of them beside the one that is shown; on a phone one of the two. */
export function SectionsFrame({ title, sections, section, linkTo, back, backLabel, children }: Props) {
  const router = useRouter();
  const shown = section ?? sections[0]?.id;
  const heading = sections.find(({ id }) => id === shown)?.label;
  return (
    <main className="flex h-dvh">
      <nav
        aria-label={title}
        className={cx("w-full shrink-0 flex-col border-line bg-side md:flex md:w-64 md:border-r", section ? "hidden" : "flex")}
      >
        <header className="flex h-14 shrink-0 items-center gap-1 px-2">
          <IconButton icon={ArrowLeft} label={backLabel ?? t("common.back")} onClick={() => void router.navigate(back)} />
          <h1 className="min-w-0 truncate font-semibold text-[17px]">{title}</h1>
        </header>
        <ul className="min-h-0 flex-1 overflow-y-auto px-2 pb-4">
          {sections.map(({ id, label, icon: Icon }) => (
            <li key={id}>
              <Link
                {...linkTo(id)}
                aria-current={id === shown ? "page" : undefined}
                className={cx(
                  "flex h-11 items-center gap-3 rounded-lg px-2.5 hover:bg-hover md:h-9",
                  id === shown && "md:bg-selected md:font-medium",
                )}
              >
                <Icon aria-hidden size={17} className="shrink-0 text-ink-soft" />
                <span className="min-w-0 flex-1 truncate">{label}</span>
                <ChevronRight aria-hidden size={16} className="text-ink-soft md:hidden" />
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <div className={cx("min-w-0 flex-1 flex-col md:flex", section ? "flex" : "hidden")}>
        <header className="flex h-14 shrink-0 items-center gap-1 border-line border-b px-2 md:px-8">
          <IconButton icon={ArrowLeft} label={title} className="md:hidden" onClick={() => void router.navigate(linkTo(undefined))} />
          <h1 className="truncate font-semibold text-[17px]">{heading}</h1>
        </header>
        <div className="min-h-0 flex-1 overflow-y-auto">
          <div className="flex min-h-full max-w-3xl flex-col p-4 md:px-8 md:py-6">{children}</div>
        </div>
      </div>
    </main>
  );
}
