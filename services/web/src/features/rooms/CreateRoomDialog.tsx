import { useRouter } from "@tanstack/react-router";
import { useClient } from "~/features/app/client-context";
import { useForm } from "~/features/sign-in/use-form";
import { t } from "~/i18n/t";
import type { RoomJson } from "~/protocol/types";
import { Button } from "~/ui/Button";
import { Dialog } from "~/ui/Dialog";
import { FormError } from "~/ui/FormError";
import { TextField } from "~/ui/TextField";

export default function CreateRoomDialog({ open, onOpenChange }: { open: boolean; onOpenChange(open: boolean): void }) {
  const client = useClient();
  const router = useRouter();
  const form = useForm(["name", "topic", "description"], async (data) => {
    const text = (name: string) => String(data.get(name)).trim();
    const room = await client.rest.post<RoomJson>("/chat/rooms", {
      name: text("name"),
      topic: text("topic"),
      description: text("description"),
      isPrivate: data.get("private") === "on",
    });
    onOpenChange(false);
    await router.navigate({ to: "/rooms/$roomId", params: { roomId: room.id ?? "" } });
  });
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={t("createRoom.title")}>
      <form onSubmit={form.onSubmit} className="flex flex-col gap-4">
        <TextField name="name" label={t("createRoom.name")} required maxLength={100} autoComplete="off" error={form.errorOf("name")} />
        <TextField name="topic" label={t("createRoom.topic")} maxLength={250} autoComplete="off" error={form.errorOf("topic")} />
        <TextField
          name="description"
          label={t("createRoom.description")}
          hint={t("createRoom.optional")}
          autoComplete="off"
          error={form.errorOf("description")}
        />
        <label className="flex items-center gap-2.5">
          <input type="checkbox" name="private" className="size-4 accent-accent" />
          {t("createRoom.private")}
        </label>
        <FormError text={form.error} />
        <div className="flex justify-end gap-2">
          <Button kind="quiet" onClick={() => onOpenChange(false)}>
            {t("common.cancel")}
          </Button>
          <Button type="submit" kind="primary" busy={form.busy}>
            {t("createRoom.submit")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
