// Desktop notifications, the tone, and the count in the title and on the icon. Of all tabs, one calls.
import type { Client } from "~/client.client";
import { device } from "~/features/app/device";
import { holds } from "~/features/profile/status";
import { t } from "~/i18n/t";
import type { RoomEvent, RoomId } from "~/protocol/types";
import type { RoomEntry } from "~/state/chat";
import { roomTitle } from "~/state/selectors";
import type { AppState } from "~/state/store";
import { exclusive } from "~/tabs/exclusive.client";
import { attention, newCalls } from "./level";
import { looking } from "./looking.client";
import { permission } from "./permission";
import { showCount } from "./title.client";
import { playTone } from "./tone.client";

/** Begins to notify; returns how to stop. go opens a room in this tab. */
export function startNotifier(client: Client, go: (roomId: RoomId) => void): () => void {
  const stopped = new AbortController();
  const { signal } = stopped;
  let calling = false;
  // Whichever tab has it calls, until it is closed: then another has its turn.
  exclusive(
    "natter-notifier",
    () => {
      calling = true;
      return new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    },
    signal,
  ).catch(() => {}); // stopped while it waited
  navigator.serviceWorker?.addEventListener("message", ({ data }) => typeof data?.openRoom === "string" && go(data.openRoom), { signal });
  const unsubscribe = client.store.subscribe((now, before) => {
    if (now.chat === before.chat) return;
    showCount(attention(now.chat));
    if (calling) void callFor(now, before, go);
  });
  return () => {
    stopped.abort();
    unsubscribe();
    showCount(0);
  };
}

async function callFor(now: AppState, before: AppState, go: (roomId: RoomId) => void): Promise<void> {
  const calls = newCalls(before.chat, now.chat);
  const { presence, me } = now.chat;
  const status = presence[me?.id ?? ""]?.status;
  if (calls.length === 0 || (holds(status, Date.now()) && status.doNotDisturb)) return;
  const seen = await looked();
  const unseen = calls.filter(({ entry }) => !seen.has(looking(entry.room.id)));
  if (unseen.length === 0) return;
  const { notifications, sound } = device();
  if (sound) playTone();
  if (!notifications || permission() !== "granted") return;
  for (const { entry, event } of unseen) await show(entry, event, me?.id, go);
}

/** Names of the locks that tabs have for what somebody looks at. */
async function looked(): Promise<Set<string | undefined>> {
  const { held } = (await navigator.locks?.query()) ?? {};
  return new Set(held?.map(({ name }) => name));
}

async function show(entry: RoomEntry, { actor, message }: RoomEvent, me: string | undefined, go: (roomId: RoomId) => void): Promise<void> {
  const { id, kind } = entry.room;
  const title = kind === "direct" ? actor.username : t("notify.from", { name: actor.username, room: roomTitle(entry, me) });
  const what = message?.type === "image" ? t("notify.image") : message?.type === "file" ? t("notify.file") : "";
  const options = { body: message?.content || what, icon: actor.avatar || "/icon-192.png", tag: `room-${id}`, data: { roomId: id } };
  // Phones show only what a service worker shows.
  const worker = await navigator.serviceWorker?.getRegistration();
  if (worker) return worker.showNotification(title, options);
  const notification = new Notification(title, options);
  notification.onclick = () => {
    notification.close();
    window.focus();
    go(id);
  };
}
