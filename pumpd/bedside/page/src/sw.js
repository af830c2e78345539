// Keeps the page itself, so that a reload without a network still shows a page that sends the nurse to the pump.
// Never keeps, delays or answers a stop, or anything of /api.
//
// A page is served only whole: with the script and the style that it names. One from the gateway is passed on once these
// are here; otherwise the kept page is, with the files that were kept with it.

const NAME = "page-{version}";
const PAGE = "/";
const FILES = [PAGE, "{assets}", "/icon.svg", "/manifest.webmanifest"];
const NAMED = /(?:src|href)="(\/assets\/[^"]+)"/g;
const PATIENCE_MS = 3000;

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(NAME)
      .then((cache) => cache.addAll(FILES))
      .then(() => self.skipWaiting()),
  );
  // So a stop does not even wait until this worker has started. Browsers without it start the worker first.
  const past = ["/api/*", "/stop*"].map((path) => ({ condition: { urlPattern: path }, source: "network" }));
  event.addRoutes?.(past).catch(() => undefined);
});

self.addEventListener("activate", (event) => {
  // The version before this one is kept: a page of it may be half loaded.
  const old = caches.keys().then((names) => {
    const others = names.filter((name) => name !== NAME);
    return Promise.all(others.slice(0, -1).map((name) => caches.delete(name)));
  });
  event.waitUntil(old.then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  const { origin, pathname } = new URL(url);
  const past = pathname.startsWith("/api/") || pathname.startsWith("/stop");
  if (method !== "GET" || origin !== location.origin || past) return;
  if (mode === "navigate" && pathname === PAGE) event.respondWith(page());
  else if (pathname.startsWith("/assets/")) event.respondWith(asset(pathname).catch(() => Response.error()));
  else event.respondWith(fetch(event.request).catch(async () => (await caches.match(pathname)) ?? Response.error()));
});

async function page() {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), PATIENCE_MS);
  try {
    const answer = await fetch(PAGE, { cache: "no-cache", signal: late.signal });
    if (!answer.ok) throw new Error(`${PAGE}: ${answer.status}`);
    const named = [...(await answer.clone().text()).matchAll(NAMED)].map(([, path]) => path);
    await Promise.all(named.map((path) => asset(path, late.signal)));
    return answer;
  } catch {
    return (await (await caches.open(NAME)).match(PAGE)) ?? Response.error();
  } finally {
    clearTimeout(timer);
  }
}

/** Its name changes with its content, so a kept one is as good as the gateway's. Throws if it is nowhere. */
async function asset(path, signal) {
  const kept = await caches.match(path);
  if (kept) return kept;
  const answer = await fetch(path, { signal });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  await (await caches.open(NAME)).put(path, answer.clone());
  return answer;
}
