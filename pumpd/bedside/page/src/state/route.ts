// Which screen is shown. It comes after the # of the address, so that "back" works and nothing of it is sent.

import { useEffect, useState } from "preact/hooks";

export type Route =
  | { screen: "beds" }
  | { screen: "bed" | "order" | "sign-in"; pump: string }
  | { screen: "bench"; pump: string | null }
  | { screen: "pair"; token: string };

export function route(hash: string): Route {
  const text = hash.replace(/^#\/?/, "");
  if (text.startsWith("pair=")) return { screen: "pair", token: decoded(text.slice(5)) };
  const [first = "", second = "", third = ""] = text.split("/").map(decoded);
  if (first === "bench") return { screen: "bench", pump: second || null };
  if (first === "bed" && second)
    return { screen: third === "order" || third === "sign-in" ? third : "bed", pump: second };
  return { screen: "beds" };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const bedAddress = (pump: string, screen?: "order" | "sign-in"): string =>
  `#/bed/${encodeURIComponent(pump)}${screen ? `/${screen}` : ""}`;

export const go = (address: string): void => {
  location.hash = address;
};

export function useRoute(): Route {
  const [hash, see] = useState(location.hash);
  useEffect(() => {
    const read = () => see(location.hash);
    addEventListener("hashchange", read);
    read(); // it may have changed before this listened
    return () => removeEventListener("hashchange", read);
  }, []);
  return route(hash);
}
