import { Upload } from "lucide-react";
import { type DragEvent, type ReactNode, useRef, useState } from "react";
import { useClient } from "~/features/app/client-context";
import { t } from "~/i18n/t";
import type { RoomId, Seq } from "~/protocol/types";
import { cx } from "~/ui/class-names";

interface Props {
  roomId: RoomId;
  thread?: Seq;
  /** Nobody may write here now. */
  disabled?: boolean;
  className?: string;
  children: ReactNode;
}

/** Around a conversation: files that are dropped on it wait in its composer. */
export function FileDrop({ roomId, thread = 0, disabled = false, className, children }: Props) {
  const client = useClient();
  const [over, setOver] = useState(false);
  // Every element inside that is entered and left counts.
  const depth = useRef(0);
  const move = (event: DragEvent, by: number) => {
    if (disabled || !event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    depth.current = Math.max(0, depth.current + by);
    setOver(depth.current > 0);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a place to drop on; the composer has a button for the same
    <div
      className={cx("relative", className)}
      onDragEnter={(event) => move(event, 1)}
      onDragOver={(event) => move(event, 0)}
      onDragLeave={(event) => move(event, -1)}
      onDrop={(event) => {
        move(event, -depth.current);
        if (!disabled && event.dataTransfer.files.length > 0) client.uploads.add(roomId, thread, event.dataTransfer.files);
      }}
    >
      {children}
      {over && (
        <div className="pointer-events-none absolute inset-2 z-30 flex flex-col items-center justify-center gap-2 rounded-2xl border-2 border-accent-ink border-dashed bg-raised/90 font-medium text-accent-ink">
          <Upload aria-hidden size={28} />
          {t("composer.drop")}
        </div>
      )}
    </div>
  );
}
