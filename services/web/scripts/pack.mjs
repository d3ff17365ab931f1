// Moves a build to dist/, where the Go package embeds it: files compressed beforehand, and the budget kept.
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const from = new URL("../build/client/", import.meta.url).pathname;
const to = new URL("../dist/", import.meta.url).pathname;

// What a browser loads before the rooms are on the screen: JavaScript in bytes after gzip.
const budget = 200 * 1024;
// Routes that are loaded with the first page.
const firstRoutes = ["src/routes/_app.tsx", "src/routes/_app.rooms.tsx", "src/routes/_app.rooms.$roomId.tsx"];

mkdirSync(to, { recursive: true });
for (const name of readdirSync(to)) {
  if (name !== ".gitkeep") rmSync(join(to, name), { recursive: true });
}
cpSync(from, to, { recursive: true, filter: (path) => !path.includes("/.vite") });

// Another page is another build, and has another service worker: browsers compare its bytes.
const worker = join(to, "sw.js");
const build = createHash("sha256")
  .update(readFileSync(join(to, "index.html")))
  .digest("hex")
  .slice(0, 16);
writeFileSync(worker, readFileSync(worker, "utf8").replace("BUILD", build));

const compressible = /\.(js|css|svg|json|webmanifest|txt)$/;
for (const name of readdirSync(to, { recursive: true })) {
  const path = join(to, name);
  if (!compressible.test(name) || !statSync(path).isFile()) continue;
  const content = readFileSync(path);
  const forms = {
    ".br": brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } }),
    ".gz": gzipSync(content, { level: 9 }),
  };
  for (const [suffix, small] of Object.entries(forms)) {
    if (small.length < content.length) writeFileSync(path + suffix, small);
  }
}

const manifest = JSON.parse(readFileSync(join(from, ".vite/manifest.json"), "utf8"));
const entry = Object.keys(manifest).find((key) => manifest[key].isEntry);
const splits = Object.keys(manifest).filter((key) => firstRoutes.some((route) => key.startsWith(`${route}?`)));
if (!entry || splits.length < firstRoutes.length) throw new Error(`pack: the first page is not in the manifest: ${Object.keys(manifest)}`);

const initial = new Set();
const visit = (key) => {
  if (initial.has(key)) return;
  initial.add(key);
  for (const next of manifest[key].imports ?? []) visit(next);
};
for (const key of [entry, ...splits]) visit(key);

let total = 0;
for (const key of initial) {
  const file = join(to, manifest[key].file);
  const size = existsSync(`${file}.gz`) ? statSync(`${file}.gz`).size : statSync(file).size;
  total += size;
  console.log(`${(size / 1024).toFixed(1).padStart(7)} KiB  ${manifest[key].file}`);
}
console.log(
  `${(total / 1024).toFixed(1).padStart(7)} KiB of JavaScript (gzip) until the rooms are on the screen; at most ${budget / 1024}`,
);
if (total > budget) throw new Error("pack: over the budget: load something later, or not at all");
