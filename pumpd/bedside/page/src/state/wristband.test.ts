import assert from "node:assert/strict";
import { test } from "node:test";
import { endOf, isScan, scannedKeys, verdictOf } from "./wristband.ts";

const ORDER = "P-1042";
const typed = (read: string, others: string[] = []) => verdictOf(read, ORDER, others, false);
const scanned = (read: string, others: string[] = []) => verdictOf(read, ORDER, others, true);

test("the whole token is right, scanned or typed, and nothing else that a scanner reads", () => {
  assert.equal(scanned("P-1042"), "right");
  assert.equal(typed("P-1042"), "right");
  for (const read of ["P-1043", "p-1042", "P-10425", "1042", "]C0P-1042", "Pß1042", "P-1042 x"])
    assert.equal(scanned(read), "wrong", read);
});

test("a person may type the last four characters", () => {
  assert.equal(endOf(ORDER, []), "1042");
  assert.equal(typed("1042"), "right");
  for (const read of ["1", "10", "104", "P", "P-1", "P-104"]) assert.equal(typed(read), "part", read);
  for (const read of ["1043", "2", "042", "P-2", "10421", "x"]) assert.equal(typed(read), "wrong", read);
});

test("the end is not enough where another patient's ends the same, or where it is nearly all of the token", () => {
  assert.equal(endOf(ORDER, ["Q-1042"]), null);
  assert.equal(typed("1042", ["Q-1042"]), "wrong");
  assert.equal(typed("1042", ["1042"]), "wrong");
  assert.equal(typed("P-1042", ["Q-1042"]), "right");
  assert.equal(typed("1042", [ORDER, "Q-1043"]), "right");
  for (const short of ["P-7", "1042", "P1042"]) assert.equal(endOf(short, []), null, short);
  assert.equal(verdictOf("", "", [], false), "wrong");
});

test("a scanner is faster than a person", () => {
  assert.equal(isScan([0, 5, 10, 15]), true);
  assert.equal(isScan([0, 30, 60, 90, 120]), true);
  assert.equal(isScan([0, 120, 250]), false);
  assert.equal(isScan([0, 1]), false);
});

test("a scan counts without what was typed before a pause", () => {
  assert.equal(scannedKeys([0, 20, 40, 60]), 4);
  assert.equal(scannedKeys([0, 150, 1900, 1910, 1920, 1930, 1940]), 5, "two keys of a person before it");
  assert.equal(
    scannedKeys([0, 20, 900, 920, 940, 960, 980]),
    0,
    "a tablet that stalls within a token: none of it is dropped",
  );
  assert.equal(scannedKeys([0, 20, 40]), 0, "three keys may roll off a hand");
  assert.equal(scannedKeys([0, 60, 120, 180, 240]), 0, "a fast typist");
  assert.equal(scannedKeys([]), 0);
});
