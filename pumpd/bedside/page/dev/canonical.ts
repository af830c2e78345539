// Reads JSON lines and writes each in its canonical form, for the test that this is what Python writes too.

import { createInterface } from "node:readline";
import { canonical } from "../src/wire/canonical.ts";

for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify(canonical(JSON.parse(line))));
