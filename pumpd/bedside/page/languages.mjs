// The messages in src/words/texts, with all their languages side by side, become for the built page: the English text and a
// number in the script, and a file for each other language with its texts in the order of the numbers (src/words/packs.ts).

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const OTHERS = ["de", "es", "fr"];

/** A plugin of esbuild. `texts`: the folder of the messages. */
export async function languages(texts) {
  const packs = Object.fromEntries(OTHERS.map((language) => [language, []]));
  const modules = {};
  for (const name of (await readdir(texts)).sort()) {
    const made = await import(pathToFileURL(join(texts, name)).href);
    modules[join(texts, name)] = Object.entries(made)
      .map(([exported, value]) => `export const ${exported} = ${JSON.stringify(numbered(value, packs))};`)
      .join("\n");
  }
  return {
    name: "languages",
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, ({ path }) => (modules[path] ? { contents: modules[path] } : undefined));
      build.onResolve({ filter: /^words:/ }, ({ path }) => ({ path: path.slice("words:".length), namespace: "words" }));
      build.onLoad({ filter: /.*/, namespace: "words" }, ({ path }) => ({
        contents: `export default ${JSON.stringify(packs[path])};`,
      }));
    },
  };
}

/** The value with every message in it as `{ en, at }`; its other languages go into the packs. */
function numbered(value, packs) {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((each) => numbered(each, packs));
  if (OTHERS.every((language) => typeof value[language] === "string")) {
    const at = packs[OTHERS[0]].length;
    for (const language of OTHERS) packs[language].push(value[language]);
    return { en: value.en, at };
  }
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, numbered(each, packs)]));
}
