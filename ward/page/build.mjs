// Bundles the page into ../pumpd_ward/static: index.html, assets/page-HASH.{js,css}, and the licences of the packages in the
// bundle. index.html is written last: for `make` it means that everything else is there.

import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { notices } from "../../pumpd/bedside/page/notices.mjs";

const here = import.meta.dirname;
const out = join(here, "..", "pumpd_ward", "static");

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
const html = (await readFile(join(here, "src", "index.html"), "utf8"))
  .replace(
    "{script}",
    made.find((path) => path.endsWith(".js")),
  )
  .replace(
    "{style}",
    made.find((path) => path.endsWith(".css")),
  );
await writeFile(
  join(out, "THIRD-PARTY-NOTICES.txt"),
  await notices(here, Object.keys(metafile.inputs), "The ward's page"),
);
await writeFile(join(out, "index.html"), html);
