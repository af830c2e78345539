// The tablet's key: P-256, made here and kept by the browser. No script can read it out, not even this page.
// All pages of this origin share it.

import { hex } from "./hex.ts";
import { inTime } from "./in_time.ts";

const DATABASE = "pumpd";
const STORE = "keys";
const NAME = "tablet";
const PATIENCE_MS = 3000;
const CURVE = { name: "ECDSA", namedCurve: "P-256" } as const;

export interface TabletKey {
  id: string;
  pair: CryptoKeyPair;
}

function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("the key store is blocked by another page"));
  });
}

async function inStore<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await opened();
  try {
    return await new Promise<T>((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = act(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = transaction.onerror = () => reject(transaction.error ?? request.error);
    });
  } finally {
    database.close();
  }
}

const base64 = (bytes: ArrayBuffer): string => btoa(String.fromCharCode(...new Uint8Array(bytes)));

/** Public half as SubjectPublicKeyInfo in DER, base64. */
export const publicKey = async (key: TabletKey): Promise<string> =>
  base64(await crypto.subtle.exportKey("spki", key.pair.publicKey));

/** The id under which the gateway keeps a key: the start of the SHA-256 of its public half. */
async function named(pair: CryptoKeyPair): Promise<TabletKey> {
  const digest = await crypto.subtle.digest("SHA-256", await crypto.subtle.exportKey("spki", pair.publicKey));
  return { id: hex(digest.slice(0, 8)), pair };
}

/** Throws when the browser's store fails, or does not answer in time. */
export const storedKey = (): Promise<TabletKey | null> => inTime(readKey(), PATIENCE_MS);

async function readKey(): Promise<TabletKey | null> {
  const pair = await inStore<CryptoKeyPair | undefined>("readonly", (store) => store.get(NAME));
  return pair ? named(pair) : null;
}

/** The stored key, or a new one. Two pages at once end up with the same key. */
export async function keyForPairing(): Promise<TabletKey> {
  const there = await storedKey();
  if (there) return there;
  const made = (await crypto.subtle.generateKey(CURVE, false, ["sign", "verify"])) as CryptoKeyPair;
  await inStore("readwrite", (store) => store.add(made, NAME)).catch(() => undefined); // another page was first
  return (await storedKey()) ?? named(made);
}

/** ECDSA over SHA-256, r and s of 32 bytes each, base64. Null when the browser does not sign, or not in time. */
export async function signature(key: TabletKey, text: string): Promise<string | null> {
  const bytes = new TextEncoder().encode(text);
  const signing = crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key.pair.privateKey, bytes);
  return inTime(signing, PATIENCE_MS).then(base64, () => null);
}
