import { type FormEvent, type ReactNode, useState } from "react";
import { t } from "~/i18n/t";
import { toFault } from "~/protocol/fault";
import { Button } from "./Button";
import { Dialog } from "./Dialog";

interface Props {
  title: string;
  text: string;
  /** What the button says that does it. */
  submit: string;
  /** It cannot be taken back, or somebody else is hurt. */
  danger?: boolean;
  disabled?: boolean;
  /** Fields, if there is more to say than yes. */
  children?: ReactNode;
  /** Closes when it has succeeded; what fails is shown. */
  onConfirm(data: FormData): Promise<void>;
  onClose(): void;
}

/** Asks before something happens. It is open as long as it is rendered. */
export function ConfirmDialog({ title, text, submit, danger = false, disabled = false, children, onConfirm, onClose }: Props) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const onSubmit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setBusy(true);
    setError("");
    try {
      await onConfirm(new FormData(event.currentTarget));
      onClose();
    } catch (caught) {
      setError(toFault(caught).message);
      setBusy(false);
    }
  };
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={title} description={text}>
      <form onSubmit={onSubmit} className="flex flex-col gap-4">
        {children}
        {error && (
          <p role="alert" className="rounded-lg bg-danger-soft px-3 py-2 text-danger">
            {error}
          </p>
        )}
        <div className="flex justify-end gap-2">
          <Button kind="quiet" onClick={onClose}>
            {t("common.cancel")}
          </Button>
          <Button type="submit" kind={danger ? "danger" : "primary"} busy={busy} disabled={disabled}>
            {submit}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
