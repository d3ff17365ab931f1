import { Link, useRouter } from "@tanstack/react-router";
import { CloudOff, Compass, TriangleAlert } from "lucide-react";
import { useEffect } from "react";
import { t } from "~/i18n/t";
import { Fault } from "~/protocol/fault";
import { Button } from "~/ui/Button";
import { EmptyState } from "~/ui/EmptyState";
import { Spinner } from "~/ui/Spinner";

export const Loading = () => (
  <div role="status" className="flex h-full items-center justify-center gap-2 text-ink-soft">
    <Spinner size={18} />
    {t("common.loading")}
  </div>
);

/** Milliseconds until a server that cannot be reached is tried again, at least; and how much later clients spread. */
const patience = 2000;
const spread = 8000;

/** What is shown instead of a page that failed. Without a server, it tries again by itself. */
export function Failed({ error }: { error: unknown }) {
  const router = useRouter();
  const isUnreachable = error instanceof Fault && error.code === "unavailable";
  // biome-ignore lint/correctness/useExhaustiveDependencies: every failure is followed by another attempt
  useEffect(() => {
    if (!isUnreachable) return;
    const again = () => void router.invalidate();
    const timer = setTimeout(again, patience + Math.random() * spread);
    addEventListener("online", again);
    return () => {
      clearTimeout(timer);
      removeEventListener("online", again);
    };
  }, [router, isUnreachable, error]);
  const again = <Button onClick={() => location.reload()}>{t("common.reload")}</Button>;
  return (
    <main className="h-dvh">
      {isUnreachable ? (
        <EmptyState heading="h1" icon={CloudOff} title={t("common.unreachable")} text={t("common.unreachableHint")} action={again} />
      ) : (
        <EmptyState heading="h1" icon={TriangleAlert} title={t("common.broken")} text={t("common.brokenHint")} action={again} />
      )}
    </main>
  );
}

export const NotFound = () => (
  <main className="h-dvh">
    <EmptyState
      heading="h1"
      icon={Compass}
      title={t("notFound.title")}
      text={t("notFound.text")}
      action={
        <Link to="/rooms" className="font-medium text-accent-ink hover:underline">
          {t("notFound.home")}
        </Link>
      }
    />
  </main>
);
