import { useRouter } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useClient } from "~/features/app/client-context";
import { PeoplePicker } from "~/features/people/PeoplePicker";
import { t } from "~/i18n/t";
import { type Fault, toFault } from "~/protocol/fault";
import type { RoomJson, UserRef } from "~/protocol/types";
import { Button } from "~/ui/Button";
import { Dialog } from "~/ui/Dialog";
import { FormError } from "~/ui/FormError";
import { TextField } from "~/ui/TextField";

/** Others that a group begins with, at most. */
const most = 49;

/** Begins a direct conversation with one person, or a group of several. */
export default function NewMessageDialog({ open, onOpenChange }: { open: boolean; onOpenChange(open: boolean): void }) {
  const client = useClient();
  const router = useRouter();
  const [people, setPeople] = useState<readonly UserRef[]>([]);
  const [name, setName] = useState("");
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<Fault>();
  const start = async (event: FormEvent) => {
    event.preventDefault();
    const [first, ...others] = people;
    if (!first) return;
    setBusy(true);
    setFault(undefined);
    try {
      const room =
        others.length === 0
          ? await client.rest.post<RoomJson>("/chat/direct", { userId: first.id })
          : await client.rest.post<RoomJson>("/chat/groups", { userIds: people.map((u) => u.id), name: name.trim() });
      onOpenChange(false);
      await router.navigate({ to: "/rooms/$roomId", params: { roomId: room.id ?? "" } });
    } catch (error) {
      setFault(toFault(error));
    } finally {
      setBusy(false);
    }
  };
  const isGroup = people.length > 1;
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={t("newMessage.title")}>
      <form onSubmit={start} className="flex flex-col gap-4">
        <PeoplePicker label={t("newMessage.people")} chosen={people} onChange={setPeople} most={most} />
        {isGroup && (
          <TextField
            label={t("newMessage.name")}
            hint={t("createRoom.optional")}
            value={name}
            maxLength={100}
            onChange={(event) => setName(event.target.value)}
          />
        )}
        <FormError text={fault?.message ?? ""} />
        <div className="flex justify-end gap-2">
          <Button kind="quiet" onClick={() => onOpenChange(false)}>
            {t("common.cancel")}
          </Button>
          <Button type="submit" kind="primary" busy={busy} disabled={people.length === 0}>
            {isGroup ? t("newMessage.group", { count: people.length + 1 }) : t("newMessage.open")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
