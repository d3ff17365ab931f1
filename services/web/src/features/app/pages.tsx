import { Link } from "@tanstack/react-router";
import { Compass, TriangleAlert } from "lucide-react";
import { t } from "~/i18n/t";
import { Button } from "~/ui/Button";
import { EmptyState } from "~/ui/EmptyState";
import { Spinner } from "~/ui/Spinner";

export const Loading = () => (
  <div role="status" className="flex h-full items-center justify-center gap-2 text-ink-soft">
    <Spinner size={18} />
    {t("common.loading")}
  </div>
);

/** What is shown instead of a page that failed. */
export const Failed = ({ error }: { error: unknown }) => (
  <EmptyState
    heading="h1"
    icon={TriangleAlert}
    title={t("common.broken")}
    text={error instanceof Error ? error.message : t("common.brokenHint")}
    action={<Button onClick={() => location.reload()}>{t("common.reload")}</Button>}
  />
);

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
