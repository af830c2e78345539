import assert from "node:assert/strict";
import { test } from "node:test";
import { learn, reasonIn } from "./reasons.ts";

const AWAY = "The gateway has not answered yet.";

test("a text with a message is shown in the reader's language", () => {
  learn({ [AWAY]: { id: "link.not_yet", parameters: {} } });
  assert.equal(reasonIn("de", AWAY), "Das Gateway hat noch nicht geantwortet.");
});

test("a text stays English without a message, and in a language without its template", () => {
  learn({ [AWAY]: { id: "link.not_yet", parameters: {} }, Odd: { id: "link.no_such", parameters: {} } });
  assert.equal(reasonIn("fr", AWAY), AWAY);
  assert.equal(reasonIn("en", AWAY), AWAY);
  assert.equal(reasonIn("de", "Nothing of the kind"), "Nothing of the kind");
  assert.equal(reasonIn("de", "Odd"), "Odd");
});

test("what is no table of messages is passed over", () => {
  for (const odd of [undefined, null, "text", 7]) learn(odd);
});
