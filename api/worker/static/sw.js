// Keeps the page's own files for when there is no network. What the server tells is never kept here.

const CACHE = `gridwatch-worker-${VERSION}`;

self.addEventListener("install", (event) => {
  const load = async () => {
    const cache = await caches.open(CACHE);
    await cache.addAll(FILES.map((path) => new Request(path, { cache: "no-cache", redirect: "error" })));
    await self.skipWaiting();
  };
  event.waitUntil(load());
});

self.addEventListener("activate", (event) => {
  const tidy = async () => {
    const old = (await caches.keys()).filter((name) => name.startsWith("gridwatch-worker-") && name !== CACHE);
    await Promise.all(old.map((name) => caches.delete(name)));
    await self.clients.claim();
  };
  event.waitUntil(tidy());
});

self.addEventListener("fetch", (event) => {
  const { pathname } = new URL(event.request.url);
  if (event.request.method !== "GET" || !FILES.includes(pathname)) return;
  const answer = async () => {
    const kept = await caches.match(pathname, { cacheName: CACHE });
    return kept ?? fetch(event.request);
  };
  event.respondWith(answer());
});
