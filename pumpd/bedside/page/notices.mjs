// The licence text of every package of which a file is in a bundle. The tablet's page and the ward's use it.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** `here`: the folder of node_modules; `inputs`: the files in the bundle; `page`: what contains them. */
export async function notices(here, inputs, page) {
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
  return `${page} of pumpd contains these packages.\n\n${(await Promise.all(parts)).join(`\n${"-".repeat(80)}\n\n`)}`;
}
