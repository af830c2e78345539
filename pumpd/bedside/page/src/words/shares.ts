// What was given and what is left, cut for display so that both together are always exactly what was ordered.

/** Exact decimals as text, to be shown with `decimal()`. `over`: given beyond the order, null while it is not. */
export interface Shares {
  given: string;
  left: string;
  ordered: string;
  over: string | null;
}

const NUMBER = /^(\d+)(?:\.(\d+))?$/;

interface Decimal {
  /** The number without its point. */
  digits: bigint;
  places: number;
}

function parsed(text: string | null | undefined): Decimal | null {
  const found = NUMBER.exec(text?.trim() ?? "");
  if (!found) return null;
  const rest = (found[2] ?? "").replace(/0+$/, "");
  return { digits: BigInt(found[1]! + rest), places: rest.length };
}

const at = ({ digits, places }: Decimal, wanted: number): bigint =>
  wanted >= places ? digits * 10n ** BigInt(wanted - places) : digits / 10n ** BigInt(places - wanted);

function text(digits: bigint, places: number): string {
  const all = String(digits).padStart(places + 1, "0");
  return places ? `${all.slice(0, -places)}.${all.slice(-places)}` : all;
}

/**
 * `given` is cut off at `places`, never rounded up; `left` is what then is missing to `ordered`. It takes as many places
 * as the order has, and as many as it needs so that a small amount given is not shown as none. Null: one is no number.
 */
export function shares(
  given: string | null | undefined,
  ordered: string | null | undefined,
  places: number,
): Shares | null {
  const [part, whole] = [parsed(given), parsed(ordered)];
  if (!part || !whole) return null;
  let shown = Math.max(places, whole.places);
  while (part.digits > 0n && at(part, shown) === 0n) shown += 1;
  const [cut, all] = [at(part, shown), at(whole, shown)];
  return {
    given: text(cut, shown),
    left: text(cut > all ? 0n : all - cut, shown),
    ordered: text(all, shown),
    over: cut > all ? text(cut - all, shown) : null,
  };
}
