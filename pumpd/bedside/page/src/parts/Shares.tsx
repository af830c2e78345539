// Given, still to give, ordered: as shown, the first two are always exactly the third.

import type { Infusion } from "../state/types.ts";
import { Amount } from "./Facts.tsx";
import { decimal } from "../words/numbers.ts";
import { say } from "../words/say.ts";
import { shares } from "../words/shares.ts";
import { RUN } from "../words/texts/run.ts";

type Of = Pick<Infusion, "delivered_ml" | "prescribed_ml" | "delivered_mg" | "prescribed_mg">;

/** `places` at least. */
export function SharesTable({ of, places = 1, label }: { of: Of; places?: number; label?: string }) {
  const ml = shares(of.delivered_ml, of.prescribed_ml, places);
  const mg = shares(of.delivered_mg, of.prescribed_mg, places);
  if (!ml) return null;
  const lines = [
    ["given", say(RUN.given), "given"],
    ["remaining-volume", say(RUN.left), "left"],
    ["ordered", say(RUN.ordered), "ordered"],
  ] as const;
  return (
    <table class="shares" aria-label={label ?? say(RUN.volume)}>
      <tbody>
        {lines.map(([name, words, of]) => (
          <tr key={name} data-testid={name}>
            <th scope="row">{words}</th>
            {mg && (
              <td class="value">
                <Amount of={decimal(mg[of])} unit="mg" />
              </td>
            )}
            <td class="value">
              <Amount of={decimal(ml[of])} unit="mL" />
            </td>
          </tr>
        ))}
        {ml.over && (
          <tr data-testid="over">
            <th scope="row" class="bad" colSpan={mg ? 3 : 2}>
              {say(RUN.over, { amount: `${decimal(ml.over)} mL` })}
            </th>
          </tr>
        )}
      </tbody>
    </table>
  );
}
