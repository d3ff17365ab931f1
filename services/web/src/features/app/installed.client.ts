/** Once a minute is often enough to load the page again because a part of it is gone. */
const patience = 60_000;
const key = "natter-reloaded";

/** What makes this page an application: it starts without a network, and gets over a new version of the server. */
export function install(): void {
  if (import.meta.env.PROD && "serviceWorker" in navigator) {
    // Without it (private windows of some browsers) everything but the start without a network works.
    navigator.serviceWorker.register("/sw.js").catch(() => {});
  }
  // A server that was updated has no more parts of the page that is open: the new page has its own.
  addEventListener("vite:preloadError", (event) => {
    if (Date.now() - Number(sessionStorage.getItem(key)) < patience) return;
    sessionStorage.setItem(key, String(Date.now()));
    event.preventDefault();
    location.reload();
  });
}
