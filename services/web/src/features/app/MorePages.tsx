import { t } from "~/i18n/t";
import { Button } from "~/ui/Button";
import { FormError } from "~/ui/FormError";
import type { Keyset } from "./use-keyset";

/** Under a list that comes in pages: the way to the next one. */
export function MorePages<T>({ list: { done, busy, fault, more } }: { list: Keyset<T> }) {
  if (done) return null;
  return (
    <div className="flex flex-col items-center gap-2 py-3">
      <FormError text={fault?.message ?? ""} />
      <Button busy={busy} onClick={more}>
        {fault ? t("common.retry") : t("browse.more")}
      </Button>
    </div>
  );
}
