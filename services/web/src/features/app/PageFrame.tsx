import { useRouter } from "@tanstack/react-router";
import { ArrowLeft } from "lucide-react";
import type { ReactNode } from "react";
import { t } from "~/i18n/t";
import { IconButton } from "~/ui/IconButton";

/** A page that is not a room: a title, a way back, and a column of content. */
export function PageFrame({ title, children }: { title: string; children: ReactNode }) {
  const router = useRouter();
  return (
    <div className="flex h-dvh flex-col">
      <header className="flex h-14 shrink-0 items-center gap-2 border-line border-b px-2 md:px-4">
        <IconButton icon={ArrowLeft} label={t("common.back")} onClick={() => void router.navigate({ to: "/rooms" })} />
        <h1 className="font-semibold text-[17px]">{title}</h1>
      </header>
      <main className="min-h-0 flex-1 overflow-y-auto">
        <div className="mx-auto max-w-2xl p-5 md:py-8">{children}</div>
      </main>
    </div>
  );
}
