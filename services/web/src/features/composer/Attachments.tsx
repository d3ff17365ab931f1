import { FileText, RotateCw, X } from "lucide-react";
import { useClient } from "~/features/app/client-context";
import { fileSize } from "~/features/files/sizes";
import { t } from "~/i18n/t";
import { cx } from "~/ui/class-names";
import { IconButton } from "~/ui/IconButton";
import type { Upload } from "~/uploads/uploads.client";

/** The files that go out with the next message. */
export const Attachments = ({ uploads }: { uploads: readonly Upload[] }) => (
  <ul aria-label={t("composer.files")} className="flex flex-wrap gap-2 border-line border-b p-2">
    {uploads.map((upload) => (
      <li key={upload.id}>
        <Attachment upload={upload} />
      </li>
    ))}
  </ul>
);

function Attachment({ upload: { id, name, size, preview, progress, file, failure } }: { upload: Upload }) {
  const { uploads } = useClient();
  const state = failure || (file ? fileSize(size) : t("composer.uploading", { percent: Math.round(progress * 100) }));
  return (
    <div
      className={cx(
        "relative flex w-64 max-w-full items-center gap-2.5 overflow-hidden rounded-lg border p-1.5",
        failure ? "border-danger" : "border-line",
      )}
    >
      {preview ? (
        <img src={preview} alt="" className={cx("size-10 shrink-0 rounded-md object-cover", !file && "opacity-60")} />
      ) : (
        <span className="flex size-10 shrink-0 items-center justify-center rounded-md bg-selected text-accent-ink">
          <FileText aria-hidden size={20} />
        </span>
      )}
      <div className="min-w-0 flex-1">
        <p className="truncate font-medium text-[13px]" title={name}>
          {name}
        </p>
        <p role={failure ? "alert" : undefined} className={cx("text-xs", failure ? "text-danger" : "text-ink-soft")}>
          {state}
        </p>
      </div>
      {failure && <IconButton icon={RotateCw} label={t("composer.retryFile", { name })} size="small" onClick={() => uploads.retry(id)} />}
      <IconButton
        icon={X}
        label={file || failure ? t("composer.removeFile", { name }) : t("composer.cancelFile", { name })}
        size="small"
        onClick={() => uploads.cancel(id)}
      />
      {!file && !failure && (
        <div
          role="progressbar"
          aria-label={name}
          aria-valuenow={Math.round(progress * 100)}
          className="absolute bottom-0 left-0 h-0.5 bg-accent transition-[width]"
          style={{ width: `${progress * 100}%` }}
        />
      )}
    </div>
  );
}
