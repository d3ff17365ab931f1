/** How often a page that stays open asks whether there is a newer client, in milliseconds. */
const often = 60 * 60_000;

/** Calls when another service worker has taken over: the next load of the page is a newer client. Returns how to stop. */
export function followUpdates(updated: () => void): () => void {
  const { serviceWorker } = navigator;
  if (!import.meta.env.PROD || !serviceWorker) return () => {};
  const stopped = new AbortController();
  let had = serviceWorker.controller !== null;
  const changed = () => {
    if (had) updated();
    had = true;
  };
  serviceWorker.addEventListener("controllerchange", changed, { signal: stopped.signal });
  const ask = async () => {
    await (await serviceWorker.getRegistration())?.update();
  };
  const timer = setInterval(() => void ask().catch(() => {}), often);
  return () => {
    stopped.abort();
    clearInterval(timer);
  };
}
