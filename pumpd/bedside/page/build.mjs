// Bundles the page into ../static: index.html, assets/NAME-HASH.{js,css}, manifest.webmanifest, sw.js, the icons, and the
// licences of the packages in the bundle. Beside each text is the same compressed, NAME.br and NAME.gz, as bedside serves
// it. index.html is written last: for `make` it means that everything else is there.

import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { icon, maskable, png } from "./icons.mjs";
import { languages } from "./languages.mjs";
import { notices } from "./notices.mjs";

const here = import.meta.dirname;
const out = join(here, "..", "static");
const TEXTS = [".js", ".css", ".svg", ".txt", ".webmanifest"];

await rm(out, { recursive: true, force: true });
await mkdir(join(out, "assets"), { recursive: true });

const { metafile } = await build({
  entryPoints: { page: join(here, "src", "main.tsx") },
  outdir: join(out, "assets"),
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  splitting: true,
  plugins: [await languages(join(here, "src", "words"))],
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

const assets = Object.keys(metafile.outputs).map((path) => `/assets/${basename(path)}`);
const script = assets.find((path) => /page-\w+\.js$/.test(path));
const style = assets.find((path) => path.endsWith(".css"));
const html = (await readFile(join(here, "src", "index.html"), "utf8"))
  .replace("{script}", script)
  .replace("{style}", style);

const version = createHash("sha256").update(html).digest("hex").slice(0, 12);
const worker = (await readFile(join(here, "src", "sw.js"), "utf8"))
  .replace("{version}", version)
  .replace('"{assets}"', assets.map((path) => JSON.stringify(path)).join(", "));
await writeFile(join(out, "sw.js"), worker);
await writeFile(join(out, "icon.svg"), icon());
await writeFile(join(out, "icon-192.png"), png(192));
await writeFile(join(out, "icon-512.png"), png(512));
await writeFile(join(out, "icon-maskable.svg"), maskable());
await cp(join(here, "src", "manifest.webmanifest"), join(out, "manifest.webmanifest"));
await writeFile(
  join(out, "THIRD-PARTY-NOTICES.txt"),
  await notices(here, Object.keys(metafile.inputs), "The tablet's page"),
);
for (const name of await readdir(out, { recursive: true })) {
  if (TEXTS.includes(extname(name))) await compress(name, await readFile(join(out, name)));
}
await compress("index.html", Buffer.from(html));
await writeFile(join(out, "index.html"), html);

async function compress(name, content) {
  await writeFile(join(out, `${name}.br`), brotliCompressSync(content));
  await writeFile(join(out, `${name}.gz`), gzipSync(content, { level: 9 }));
}
