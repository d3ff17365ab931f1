import type { ReactNode } from "react";
import { t } from "~/i18n/all";

/** The frame of the pages that need nobody to be signed in. */
export const Card = ({ title, children, footer }: { title: string; children: ReactNode; footer?: ReactNode }) => (
  <main className="flex min-h-dvh flex-col items-center justify-center overflow-y-auto bg-side p-4">
    <div className="w-full max-w-sm">
      <div className="mb-6 flex flex-col items-center gap-3 text-center">
        <img src="/favicon.svg" alt={t("common.name")} width={44} height={44} />
        <h1 className="font-semibold text-[21px] tracking-tight">{title}</h1>
      </div>
      <div className="rounded-2xl border border-line bg-raised p-6 shadow-float">{children}</div>
      {footer && <div className="mt-5 text-center text-ink-soft">{footer}</div>}
    </div>
  </main>
);
