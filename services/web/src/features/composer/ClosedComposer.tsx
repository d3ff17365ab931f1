import { Archive, Eye, type LucideIcon, Megaphone, MicOff } from "lucide-react";
import { t } from "~/i18n/t";
import type { Posting } from "./posting";

const icons: Record<Exclude<Posting["kind"], "open">, LucideIcon> = {
  archived: Archive,
  readOnly: Eye,
  announcement: Megaphone,
  muted: MicOff,
};
const times = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** Why nobody can write here, instead of the place to write. */
export function ClosedComposer({ posting }: { posting: Exclude<Posting, { kind: "open" }> }) {
  const Icon = icons[posting.kind];
  const text = posting.kind === "muted" ? t("composer.muted", { time: times.format(posting.until) }) : t(`composer.${posting.kind}`);
  return (
    <p
      role="status"
      className="mx-3 mb-3 flex shrink-0 items-center justify-center gap-2.5 rounded-xl bg-side px-4 py-3 text-ink-soft md:mx-5 md:mb-4"
    >
      <Icon aria-hidden size={17} className="shrink-0" />
      {text}
    </p>
  );
}
