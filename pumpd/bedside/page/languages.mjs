// The messages in src/words/texts, with all their languages side by side, become for the built page: a number in its place,
// the English texts in the order of the numbers in the script, and a file for each other language with its texts in the
// same order (src/words/packs.ts). A table of messages becomes an enum, because esbuild writes the number of its member
// wherever that is used.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const ALL = ["en", "de", "es", "fr"];

/** A plugin of esbuild. `words`: the folder of the messages. */
export async function languages(words) {
  const texts = Object.fromEntries(ALL.map((language) => [language, [""]])); // from 1: no message is falsy
  const replaced = {};
  for (const name of (await readdir(join(words, "texts"))).sort()) {
    const path = join(words, "texts", name);
    const tables = Object.entries(await import(pathToFileURL(path).href));
    replaced[path] = tables.map(([table, value]) => numbered(table, value, texts)).join("\n");
  }
  replaced[join(words, "english.ts")] = `export const ENGLISH = ${JSON.stringify(texts.en)};`;
  return {
    name: "languages",
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, ({ path }) =>
        replaced[path] ? { contents: replaced[path], loader: "ts" } : undefined,
      );
      build.onResolve({ filter: /^words:/ }, ({ path }) => ({ path: path.slice(-2), namespace: "words" }));
      build.onLoad({ filter: /.*/, namespace: "words" }, ({ path }) => ({
        contents: `export const texts = ${JSON.stringify(texts[path])};`,
      }));
    },
  };
}

const isMessage = (value) => ALL.every((language) => typeof value?.[language] === "string");

/** The table with the number of each message in its place; the texts go into `texts`. */
function numbered(name, table, texts) {
  const number = (value) => ALL.map((language) => texts[language].push(value[language]))[0] - 1;
  const within = (value) => {
    if (typeof value !== "object" || value === null) return value;
    if (isMessage(value)) return number(value);
    if (Array.isArray(value)) return value.map(within);
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, within(each)]));
  };
  if (!Object.values(table).every(isMessage)) return `export const ${name} = ${JSON.stringify(within(table))};`;
  const members = Object.entries(table).map(([key, value]) => `${JSON.stringify(key)} = ${number(value)}`);
  return `export enum ${name} { ${members.join(", ")} }`;
}
