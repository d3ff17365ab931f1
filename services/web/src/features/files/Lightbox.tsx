import { Download, X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import { t } from "~/i18n/t";
import { IconButton } from "~/ui/IconButton";
import type { Picture } from "./Attachment";

/** One picture, as large as the screen allows. A click beside it, or Escape, closes it. */
export default function Lightbox({ picture, onClose }: { picture: Picture; onClose(): void }) {
  return (
    <Radix.Root open onOpenChange={(open) => !open && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-black/85" />
        <Radix.Content aria-describedby={undefined} className="fixed inset-0 z-40 flex flex-col outline-none">
          <header className="flex h-14 shrink-0 items-center gap-1 px-3 text-white">
            <Radix.Title className="min-w-0 flex-1 truncate px-2 font-medium">{picture.name}</Radix.Title>
            <a
              href={picture.url}
              download={picture.name}
              target="_blank"
              rel="noopener noreferrer"
              aria-label={t("file.download", { name: picture.name })}
              className="inline-flex size-9 items-center justify-center rounded-lg text-white/80 hover:bg-white/15 hover:text-white"
            >
              <Download aria-hidden size={18} />
            </a>
            <Radix.Close asChild>
              <IconButton icon={X} label={t("common.close")} className="text-white/80 hover:bg-white/15 hover:text-white" />
            </Radix.Close>
          </header>
          {/* biome-ignore lint/a11y/noStaticElementInteractions: the button above does the same for the keyboard */}
          {/* biome-ignore lint/a11y/useKeyWithClickEvents: as above */}
          <div
            className="flex min-h-0 flex-1 items-center justify-center p-4 pt-0"
            onClick={(e) => e.target === e.currentTarget && onClose()}
          >
            <img src={picture.url} alt={picture.name} className="max-h-full max-w-full rounded object-contain" />
          </div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
