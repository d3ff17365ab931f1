// The service worker: Natter starts without a network, and its scripts are read from this device. What people say is never in here.
// It is of the build BUILD: another one is another file to browsers, which tell the page that there is a newer one (updates.client.ts).
const name = "natter-1";
/** A build has well under a hundred files; older ones make room. */
const maxAssets = 300;

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(name)
      .then((cache) => cache.add("/"))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (request.mode === "navigate") event.respondWith(page(request, url));
  else if (url.pathname.startsWith("/assets/")) event.respondWith(asset(request));
});

/** The newest page that there is; every address of the client has the same. */
async function page(request, url) {
  const cache = await caches.open(name);
  try {
    const response = await fetch(request);
    if (response.ok && (url.pathname === "/" || url.pathname.startsWith("/rooms"))) await cache.put("/", response.clone());
    return response;
  } catch (error) {
    const kept = await cache.match("/");
    if (kept) return kept;
    throw error;
  }
}

/** Names of assets have a hash of their content: what is kept is right. */
async function asset(request) {
  const cache = await caches.open(name);
  const kept = await cache.match(request);
  if (kept) return kept;
  const response = await fetch(request);
  if (response.ok) {
    await cache.put(request, response.clone());
    const assets = (await cache.keys()).filter((key) => new URL(key.url).pathname.startsWith("/assets/"));
    await Promise.all(assets.slice(0, -maxAssets).map((key) => cache.delete(key)));
  }
  return response;
}

// A notification leads to its room: in a tab that is open, or in another one.
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { roomId } = event.notification.data ?? {};
  if (roomId) event.waitUntil(openRoom(roomId));
});

async function openRoom(roomId) {
  const [tab] = await self.clients.matchAll({ type: "window" });
  if (!tab) return self.clients.openWindow(`/rooms/${encodeURIComponent(roomId)}`);
  tab.postMessage({ openRoom: roomId });
  return tab.focus();
}
