import { useRouter } from "@tanstack/react-router";
import { ArrowLeft } from "lucide-react";
import type { ReactNode } from "react";
import { t } from "~/i18n/t";
import { IconButton } from "~/ui/IconButton";

/** Beside the list of rooms: something gathered from all of them. */
export function GatheredPage({ title, children }: { title: string; children: ReactNode }) {
  const router = useRouter();
  return (
    <div className="flex h-full flex-col">
      <header className="flex h-14 shrink-0 items-center gap-2 border-line border-b px-2 md:px-5">
        <IconButton
          icon={ArrowLeft}
          label={t("common.back")}
          className="md:hidden"
          onClick={() => void router.navigate({ to: "/rooms" })}
        />
        <h2 className="font-semibold text-[17px]">{title}</h2>
      </header>
      <div className="min-h-0 flex-1 overflow-y-auto">
        <div className="mx-auto max-w-3xl p-3 md:p-5">{children}</div>
      </div>
    </div>
  );
}
