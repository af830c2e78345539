// Which screen is shown. It comes after the # of the address, so that "back" works and nothing of it is sent.

import { useEffect, useState } from "preact/hooks";

/** The screens of one pump, besides the bed itself. */
const OF_A_PUMP = ["order", "sign-in", "rest", "course"] as const;
type OfAPump = (typeof OF_A_PUMP)[number];

export type Route =
  | { screen: "beds" }
  | { screen: "bed" | OfAPump; pump: string }
  | { screen: "bench"; pump: string | null }
  | { screen: "pair"; token: string };

export function route(hash: string): Route {
  const text = hash.replace(/^#\/?/, "");
  if (text.startsWith("pair=")) return { screen: "pair", token: decoded(text.slice(5)) };
  const [first = "", second = "", third = ""] = text.split("/").map(decoded);
  if (first === "bench") return { screen: "bench", pump: second || null };
  if (first === "bed" && second) return { screen: OF_A_PUMP.find((each) => each === third) ?? "bed", pump: second };
  return { screen: "beds" };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const bedAddress = (pump: string, screen?: OfAPump): string =>
  `#/bed/${encodeURIComponent(pump)}${screen ? `/${screen}` : ""}`;

export const go = (address: string): void => {
  location.hash = address;
};

/** The same, but "back" does not lead to the screen that is left: there is nothing more to do on it. */
export const leaveFor = (address: string): void => location.replace(address);

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
