// Keeps the pages of a site without a server for a visit without a network: the newest where there is one, else what
// was kept. The model's own files are kept by the page (browser/files.ts), which shows how far they are.
const PREFIX = `fischgpt-pages ${registration.scope} `; // one host may have several sites
const CACHE = PREFIX + "VERSION";
const FILES = ["FILES"];

// What is named by its content the browser may have already; anything else is asked for anew.
const request = (file) => new Request(file, { cache: file.startsWith("assets/") ? "force-cache" : "no-cache" });

addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(FILES.map(request)))
      .then(() => skipWaiting()),
  );
});

addEventListener("activate", (event) => {
  const old = (name) => name.startsWith(PREFIX) && name !== CACHE;
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name))))
      .then(() => clients.claim()),
  );
});

addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || !url.href.startsWith(registration.scope) || url.pathname.endsWith(".gz")) return;
  const hashed = url.pathname.includes("/assets/"); // named by content: never another one
  const kept = () => caches.match(request, { ignoreSearch: true, cacheName: CACHE });
  const slash = () => caches.match(`${url.origin}${url.pathname}/`, { cacheName: CACHE }); // /story, which a host sends on to /story/
  event.respondWith(
    hashed
      ? kept().then((found) => found ?? fetch(request))
      : fetch(request).catch(async () => (await kept()) ?? (await slash()) ?? Response.error()),
  );
});
