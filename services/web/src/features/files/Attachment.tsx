import { Download, FileText, ImageOff } from "lucide-react";
import { useState } from "react";
import { t } from "~/i18n/t";
import type { Message } from "~/protocol/types";
import { useFileLink } from "./links.client";
import { fileSize, pictureBox } from "./sizes";

interface Props {
  message: Message;
  /** A picture was chosen, to be seen large; its address is good for some minutes. */
  onOpen(picture: Picture): void;
}

export interface Picture {
  url: string;
  name: string;
}

/** What a message carries: a picture, or a file to download. */
export function Attachment({ message, onOpen }: Props) {
  const { file, fileUrl, type } = message;
  const id = file?.id ?? /^\/files\/([\w-]+)$/.exec(fileUrl)?.[1];
  if (id) return <Uploaded id={id} message={message} onOpen={onOpen} />;
  if (!/^https?:\/\//.test(fileUrl)) return null;
  const name = nameIn(fileUrl);
  return type === "image" ? (
    <PictureBox src={fileUrl} name={name} onOpen={() => onOpen({ url: fileUrl, name })} />
  ) : (
    <FileCard url={fileUrl} name={name} note={new URL(fileUrl).host} />
  );
}

function Uploaded({ id, message: { file, type }, onOpen }: { id: string } & Props) {
  const link = useFileLink(id);
  const name = file?.name ?? t("file.unnamed");
  const found = link === "none" ? undefined : link;
  if (type === "image" || (file?.width ?? 0) > 0) {
    return (
      <PictureBox
        src={found && (found.thumbnailUrl || found.url)}
        missing={link === "none"}
        name={name}
        width={file?.width}
        height={file?.height}
        onOpen={() => found && onOpen({ url: found.url, name })}
      />
    );
  }
  return <FileCard url={found?.url} name={name} note={link === "none" ? t("file.gone") : fileSize(file?.size ?? 0)} />;
}

interface PictureProps {
  src?: string;
  missing?: boolean;
  name: string;
  width?: number;
  height?: number;
  onOpen(): void;
}

function PictureBox({ src, missing = false, name, width, height, onOpen }: PictureProps) {
  const [failed, setFailed] = useState(false);
  const box = pictureBox(width, height);
  return (
    <button
      type="button"
      aria-label={t("file.openPicture", { name })}
      disabled={!src || failed}
      onClick={onOpen}
      className="my-1 flex max-w-full items-center justify-center overflow-hidden rounded-lg border border-line bg-side"
      style={{ width: box.width, aspectRatio: `${box.width} / ${box.height}` }}
    >
      {missing || failed ? (
        <span className="flex flex-col items-center gap-1 text-[13px] text-ink-soft">
          <ImageOff aria-hidden size={20} />
          {t("file.gone")}
        </span>
      ) : (
        src && (
          <img src={src} alt={name} loading="lazy" decoding="async" className="size-full object-contain" onError={() => setFailed(true)} />
        )
      )}
    </button>
  );
}

function FileCard({ url, name, note }: { url?: string; name: string; note: string }) {
  return (
    <div className="my-1 flex h-14 w-80 max-w-full items-center gap-3 rounded-lg border border-line bg-raised pr-2 pl-3">
      <FileText aria-hidden size={22} className="shrink-0 text-accent-ink" />
      <div className="min-w-0 flex-1 leading-tight">
        <p className="truncate font-medium">{name}</p>
        <p className="truncate text-[13px] text-ink-soft">{note}</p>
      </div>
      {url && (
        <a
          href={url}
          download={name}
          target="_blank"
          rel="noopener noreferrer"
          aria-label={t("file.download", { name })}
          className="inline-flex size-9 items-center justify-center rounded-lg text-ink-soft hover:bg-hover hover:text-ink"
        >
          <Download aria-hidden size={18} />
        </a>
      )}
    </div>
  );
}

/** What the file at the end of an address is called. */
function nameIn(url: string): string {
  const last = new URL(url).pathname.split("/").pop() || url;
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}
