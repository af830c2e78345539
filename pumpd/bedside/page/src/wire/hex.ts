// Bytes as hexadecimal text.

export const hex = (bytes: ArrayBuffer | Uint8Array): string =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");

export const randomHex = (bytes: number): string => hex(crypto.getRandomValues(new Uint8Array(bytes)));
