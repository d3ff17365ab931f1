import { t } from "~/i18n/all";
import { Button } from "~/ui/Button";
import { FormError } from "~/ui/FormError";
import { Loading } from "./pages";
import type { Paged } from "./use-loaded";

/** Under a list by keyset: what is going on, or the way to the next page. */
export function ListEnd<T>({ list }: { list: Paged<T> }) {
  if (list.fault) {
    return (
      <div className="flex flex-col items-center gap-3 py-4">
        <FormError text={list.fault.message} />
        <Button onClick={list.loadMore}>{t("common.retry")}</Button>
      </div>
    );
  }
  if (list.more === undefined) {
    return (
      <div className="h-24">
        <Loading />
      </div>
    );
  }
  if (!list.more) return null;
  return (
    <Button className="mt-3 self-center" busy={list.busy} onClick={list.loadMore}>
      {t("common.more")}
    </Button>
  );
}
