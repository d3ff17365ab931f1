import { Smile } from "lucide-react";
import { useCallback, useState } from "react";
import { useClient } from "~/features/app/client-context";
import { Loading } from "~/features/app/pages";
import { useLoaded } from "~/features/app/use-loaded";
import { EmojiPopover } from "~/features/emoji/EmojiPopover";
import { useForm } from "~/features/sign-in/use-form";
import { t } from "~/i18n/all";
import type { StatusJson } from "~/protocol/gen/natter/chat/v1/chat_pb";
import { Button } from "~/ui/Button";
import { Dialog } from "~/ui/Dialog";
import { FormError } from "~/ui/FormError";
import { Select } from "~/ui/Select";
import { Switch } from "~/ui/Switch";
import { TextField } from "~/ui/TextField";
import { type End, ends, presets, secondsUntil } from "./status";

/** Sets what the user says about themself, on all devices. It is open as long as it is rendered. */
export default function StatusDialog({ onClose }: { onClose(): void }) {
  const client = useClient();
  const { data, fault } = useLoaded(useCallback((signal) => client.rest.get<StatusJson>("/auth/me/status", {}, signal), [client]));
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={t("status.title")}>
      {fault ? <FormError text={fault.message} /> : data ? <StatusForm now={data} onClose={onClose} /> : <Loading />}
    </Dialog>
  );
}

function StatusForm({ now, onClose }: { now: StatusJson; onClose(): void }) {
  const client = useClient();
  const [emoji, setEmoji] = useState(now.emoji ?? "");
  const [text, setText] = useState(now.text ?? "");
  const [doNotDisturb, setDoNotDisturb] = useState(now.doNotDisturb ?? false);
  const [end, setEnd] = useState<End>("0");
  const set = async (status: object) => {
    await client.rest.call("PUT", "/auth/me/status", { body: status });
    onClose();
  };
  const form = useForm(["text"], () =>
    set({ text: text.trim(), emoji: emoji.trim(), doNotDisturb, expiresInSeconds: secondsUntil(end, new Date()) }),
  );
  return (
    <form onSubmit={form.onSubmit} className="flex flex-col gap-4">
      <div className="flex items-start gap-2">
        <div className="flex flex-col gap-1.5">
          <span className="font-medium">{t("status.emoji")}</span>
          <EmojiPopover
            align="start"
            onPick={setEmoji}
            trigger={
              <button
                type="button"
                aria-label={t("status.emoji")}
                className="flex size-10 items-center justify-center rounded-lg border border-line-strong bg-ground text-[20px] hover:bg-hover"
              >
                {emoji || <Smile aria-hidden size={18} className="text-ink-soft" />}
              </button>
            }
          />
        </div>
        <TextField
          label={t("status.text")}
          value={text}
          onChange={(event) => setText(event.target.value)}
          maxLength={100}
          autoComplete="off"
          autoFocus
          className="flex-1"
          error={form.errorOf("text")}
        />
      </div>
      <ul aria-label={t("status.presets")} className="flex flex-wrap gap-1.5">
        {presets.map(({ emoji, key }) => (
          <li key={key}>
            <button
              type="button"
              onClick={() => {
                setEmoji(emoji);
                setText(t(key));
              }}
              className="rounded-full border border-line px-3 py-1 text-[13px] hover:bg-hover"
            >
              {emoji} {t(key)}
            </button>
          </li>
        ))}
      </ul>
      <Select
        label={t("status.expires")}
        value={end}
        onChange={(event) => setEnd(event.target.value as End)}
        options={ends.map((value) => ({ value, text: t(`status.expires.${value}`) }))}
      />
      <Switch label={t("status.dnd")} hint={t("status.dndHint")} checked={doNotDisturb} onChange={setDoNotDisturb} />
      <FormError text={form.error} />
      <div className="flex justify-end gap-2">
        <Button kind="quiet" onClick={() => void set({}).catch((error) => client.fail(error))}>
          {t("status.clear")}
        </Button>
        <Button type="submit" kind="primary" busy={form.busy}>
          {t("status.save")}
        </Button>
      </div>
    </form>
  );
}
