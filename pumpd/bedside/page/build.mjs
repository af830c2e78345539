// Bundles the page into ../static: index.html, assets/page-HASH.{js,css}, manifest.webmanifest, sw.js and the icons.
// index.html is written last: `make` takes it for the sign that everything else is there.

import { createHash } from "node:crypto";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { icon, maskable, png } from "./icons.mjs";

const here = import.meta.dirname;
const out = join(here, "..", "static");

await rm(out, { recursive: true, force: true });
await mkdir(join(out, "assets"), { recursive: true });

const { metafile } = await build({
  entryPoints: { page: join(here, "src", "main.tsx") },
  outdir: join(out, "assets"),
  entryNames: "[name]-[hash]",
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome109", "safari16", "firefox115"],
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  charset: "utf8",
  metafile: true,
  logLevel: "warning",
});

const made = Object.keys(metafile.outputs).map((path) => `/assets/${basename(path)}`);
const script = made.find((path) => path.endsWith(".js"));
const style = made.find((path) => path.endsWith(".css"));
const html = (await readFile(join(here, "src", "index.html"), "utf8"))
  .replace("{script}", script)
  .replace("{style}", style);

const version = createHash("sha256").update(html).digest("hex").slice(0, 12);
const worker = (await readFile(join(here, "src", "sw.js"), "utf8"))
  .replace("{version}", version)
  .replace("{script}", script)
  .replace("{style}", style);
await writeFile(join(out, "sw.js"), worker);
await writeFile(join(out, "icon.svg"), icon());
await writeFile(join(out, "icon-192.png"), png(192));
await writeFile(join(out, "icon-512.png"), png(512));
await writeFile(join(out, "icon-maskable.svg"), maskable());
await cp(join(here, "src", "manifest.webmanifest"), join(out, "manifest.webmanifest"));
await writeFile(join(out, "index.html"), html);
