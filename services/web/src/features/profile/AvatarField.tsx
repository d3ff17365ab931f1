import { useRef, useState } from "react";
import { useClient } from "~/features/app/client-context";
import { t } from "~/i18n/all";
import type { FileJson } from "~/protocol/gen/natter/chat/v1/chat_pb";
import { Avatar } from "~/ui/Avatar";
import { Button } from "~/ui/Button";

interface Props {
  id: string;
  name: string;
  src: string;
  square?: boolean;
  disabled?: boolean;
  /** Gets the path of the picture on this server; empty: none. */
  onChange(avatar: string): Promise<void>;
}

/** A picture that can be replaced: of a user, a bot, or a room. */
export function AvatarField({ id, name, src, square = false, disabled = false, onChange }: Props) {
  const client = useClient();
  const input = useRef<HTMLInputElement>(null);
  const [busy, setBusy] = useState(false);
  const change = async (file: File | undefined) => {
    setBusy(true);
    try {
      const uploaded = file && (await client.rest.call<FileJson>("POST", "/files/avatars", { body: file }));
      await onChange(uploaded ? `/files/${uploaded.id}` : "");
    } catch (error) {
      client.fail(error);
    } finally {
      setBusy(false);
      if (input.current) input.current.value = "";
    }
  };
  return (
    <div className="flex flex-wrap items-center gap-4">
      <Avatar key={src} id={id} name={name} src={src} size={72} square={square} />
      {!disabled && (
        <div className="flex flex-col gap-1.5">
          <div className="flex gap-2">
            <Button busy={busy} onClick={() => input.current?.click()}>
              {t("settings.upload")}
            </Button>
            {src && (
              <Button kind="quiet" disabled={busy} onClick={() => void change(undefined)}>
                {t("settings.removePicture")}
              </Button>
            )}
          </div>
          <p className="text-[13px] text-ink-soft">{t("settings.pictureHint")}</p>
          <input
            ref={input}
            type="file"
            accept="image/png,image/jpeg,image/gif,image/webp"
            aria-label={t("settings.upload")}
            tabIndex={-1}
            className="sr-only"
            onChange={(event) => void change(event.target.files?.[0])}
          />
        </div>
      )}
    </div>
  );
}
