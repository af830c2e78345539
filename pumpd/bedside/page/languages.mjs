// The messages in src/words/texts, with all their languages side by side, become for the built page: the English text and a
// number in the script, and a file for each other language with its texts in the order of the numbers (src/words/packs.ts).
// What the gateway says, src/words/reasons/LANGUAGE.ts, becomes another file of its language.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const OTHERS = ["de", "es", "fr"];

/** A plugin of esbuild. `words`: the folder of the messages. */
export async function languages(words) {
  const texts = Object.fromEntries(OTHERS.map((language) => [language, []]));
  const files = {};
  const replaced = {};
  for (const path of await sources(join(words, "texts")))
    replaced[path] = exported(await load(path), (value) => numbered(value, texts));
  for (const language of OTHERS) {
    const path = join(words, "reasons", `${language}.ts`);
    const found = (await sources(join(words, "reasons"))).includes(path) ? await load(path) : {};
    replaced[path] = exported(found, () => ({}));
    files[`${language}-reasons`] = { reasons: Object.assign({}, ...Object.values(found)) };
    files[language] = { texts: texts[language] };
  }
  return {
    name: "languages",
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, ({ path }) => (replaced[path] ? { contents: replaced[path] } : undefined));
      build.onResolve({ filter: /^words:/ }, ({ path }) => ({ path: path.slice("words:".length), namespace: "words" }));
      build.onLoad({ filter: /.*/, namespace: "words" }, ({ path }) => ({
        contents: exported(files[path], (value) => value),
      }));
    },
  };
}

const sources = async (folder) => (await readdir(folder)).sort().map((name) => join(folder, name));
const load = (path) => import(pathToFileURL(path).href);
const exported = (made, of) =>
  Object.entries(made)
    .map(([name, value]) => `export const ${name} = ${JSON.stringify(of(value))};`)
    .join("\n");

/** The value with every message in it as `{ en, at }`; its other languages go into `texts`. */
function numbered(value, texts) {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((each) => numbered(each, texts));
  if (OTHERS.every((language) => typeof value[language] === "string")) {
    const at = texts[OTHERS[0]].length;
    for (const language of OTHERS) texts[language].push(value[language]);
    return { en: value.en, at };
  }
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, numbered(each, texts)]));
}
