// Bundles the page into ../pumpd_ward/static: index.html, assets/page-HASH.{js,css}, and the licences of the packages in the
// bundle. index.html is written last: for `make` it means that everything else is there.

import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { build } from "esbuild";

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
await writeFile(join(out, "THIRD-PARTY-NOTICES.txt"), await notices(Object.keys(metafile.inputs)));
await writeFile(join(out, "index.html"), html);

/** The licence text of every package of which a file is in the bundle. */
async function notices(inputs) {
  const packages = new Set(
    inputs.map((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]).filter(Boolean),
  );
  const parts = [...packages].sort().map(async (name) => {
    const folder = join(here, "node_modules", name);
    const { version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const file = (await readdir(folder)).find((each) => /^licen[cs]e(\.|$)/i.test(each));
    if (!file) throw new Error(`${name} has no licence file: it cannot be shipped`);
    return `${name} ${version} (${license})\n\n${(await readFile(join(folder, file), "utf8")).trim()}\n`;
  });
  return `The ward's page of pumpd contains these packages.\n\n${(await Promise.all(parts)).join(`\n${"-".repeat(80)}\n\n`)}`;
}
