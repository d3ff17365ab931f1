import { useState } from "react";
import { useClient } from "~/features/app/client-context";
import { t } from "~/i18n/t";
import type { Message } from "~/protocol/types";
import { Button } from "~/ui/Button";
import { Dialog } from "~/ui/Dialog";

export default function DeleteDialog({ message, onClose }: { message: Message; onClose(): void }) {
  const client = useClient();
  const [busy, setBusy] = useState(false);
  const remove = async () => {
    setBusy(true);
    try {
      await client.delete(message.roomId, message.seq);
    } catch (error) {
      client.fail(error);
    }
    onClose();
  };
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={t("message.deleteTitle")} description={t("message.deleteHint")}>
      {message.content !== "" && (
        <p className="line-clamp-4 whitespace-pre-wrap break-words rounded-lg border border-line bg-side px-3 py-2">{message.content}</p>
      )}
      <div className="mt-4 flex justify-end gap-2">
        <Button onClick={onClose}>{t("common.cancel")}</Button>
        <Button kind="danger" busy={busy} autoFocus onClick={() => void remove()}>
          {t("message.delete")}
        </Button>
      </div>
    </Dialog>
  );
}
