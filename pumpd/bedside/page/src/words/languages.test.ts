import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { weekdayName } from "./calendar.ts";
import { chooseLanguage, LANGUAGES, type Language } from "./language.ts";
import { added, ageText, calendarDay, clock, day, decimal, spell } from "./numbers.ts";
import { say, sayIn, saidOf } from "./say.ts";
import { inWords, lossOfControlSentence, nameOfContainer, placeInCourse, rates, STATE, weightOf } from "./terms.ts";
import type { Review } from "../state/types.ts";

afterEach(() => chooseLanguage("en"));

const ALL = Object.keys(LANGUAGES) as Language[];

/** Everything in one language after the other. */
function inEach<Value>(wanted: Record<Language, Value>, shown: () => Value): void {
  for (const language of ALL) {
    chooseLanguage(language);
    assert.deepEqual(shown(), wanted[language], language);
  }
}

const same = <Value>(value: Value): Record<Language, Value> => ({ en: value, de: value, es: value, fr: value });
const comma = (en: string): Record<Language, string> => ({ ...same(en.replaceAll(".", ",")), en });

test("a decimal has a comma where people write one, and the same digits everywhere", () => {
  inEach(comma("0.5"), () => decimal(".50"));
  inEach(comma("1234.5678"), () => decimal("1234.56780"));
  inEach(comma("-0.25"), () => decimal("-0.25"));
  inEach(comma("0.0000001"), () => decimal(1e-7));
  inEach(same("35"), () => decimal("35.000"));
});

test("in no language is a number rounded, grouped or shown as 0", () => {
  inEach(comma("17.4"), () => decimal("17.4999", 1));
  inEach(comma("< 0.1"), () => decimal("0.04", 1));
  inEach(comma("< 0.01"), () => decimal("0.004", 2));
  inEach(same("1234567"), () => decimal("1234567"));
  inEach(same("–"), () => decimal("1,5"));
});

test("a sum is exact in every language, and can be added to again", () => {
  inEach(same("17.75"), () => added("17.5", "0.25")!);
  inEach(same("18"), () => added(added("17.5", "0.25"), "0.25")!);
});

test("a clock reads the same everywhere, a length of time in words does not", () => {
  inEach(same("1:04:05"), () => clock(3845));
  inEach(same("119 min"), () => ageText(7199));
  inEach({ en: "2 hours 1 minute", de: "2 Stunden 1 Minute", es: "2 horas 1 minuto", fr: "2 heures 1 minute" }, () =>
    spell(7260),
  );
  inEach({ en: "0 seconds", de: "0 Sekunden", es: "0 segundos", fr: "0 seconde" }, () => spell(0));
});

test("dates", () => {
  inEach({ en: "27 Nov 2026", de: "27. Nov. 2026", es: "27 nov 2026", fr: "27 nov. 2026" }, () =>
    day("2026-11-26T23:30:00Z", 60),
  );
  inEach({ en: "Fri 4 Dec 2026", de: "Fr 4. Dez. 2026", es: "vie 4 dic 2026", fr: "ven. 4 déc. 2026" }, () =>
    calendarDay("2026-12-04"),
  );
  inEach({ en: "Mon", de: "Mo", es: "lun", fr: "lun." }, () => weekdayName("mon"));
  inEach({ en: "Sun", de: "So", es: "dom", fr: "dim." }, () => weekdayName("sun"));
});

test("the program as a sentence", () => {
  const review = { dose_mg: "35.5", drug: "ketamine", vtbi_ml: "35.5", duration_s: "2400" } as Review;
  inEach(
    {
      en: "35.5 mg of ketamine in 35.5 mL over 40 minutes, ending about 14:52",
      de: "35,5 mg ketamine in 35,5 mL über 40 Minuten, Ende etwa 14:52 Uhr",
      es: "35,5 mg de ketamine en 35,5 mL durante 40 minutos, fin hacia las 14:52",
      fr: "35,5 mg de ketamine dans 35,5 mL en 40 minutes, fin vers 14:52",
    },
    () => inWords(review, "14:52"),
  );
  inEach(
    {
      en: "52.5 mL/h for 4:00, then 60 mL/h for 30:00",
      de: "52,5 mL/h für 4:00, dann 60 mL/h für 30:00",
      es: "52,5 mL/h durante 4:00, después 60 mL/h durante 30:00",
      fr: "52,5 mL/h pendant 4:00, puis 60 mL/h pendant 30:00",
    },
    () =>
      rates({
        steps: [
          { rate_ml_h: "52.5", volume_ml: "3.5" },
          { rate_ml_h: "60", volume_ml: "30" },
        ],
      }),
  );
});

test("short words follow the language without being made again", () => {
  inEach({ en: "Running", de: "Läuft", es: "En curso", fr: "En cours" }, () => STATE.running);
  inEach({ en: "actual weight", de: "tatsächliches Gewicht", es: "peso real", fr: "poids réel" }, () =>
    weightOf("actual"),
  );
  inEach({ en: "infusion 3 of 6", de: "Infusion 3 von 6", es: "infusión 3 de 6", fr: "perfusion 3 sur 6" }, () =>
    placeInCourse({ number: 3, of: 6, phase: "infusion" }),
  );
});

test("a bag has its name in the reader's language, and the site's own words stay", () => {
  inEach({ en: "100 mL bag", de: "Beutel 100 mL", es: "bolsa de 100 mL", fr: "poche de 100 mL" }, () =>
    nameOfContainer("100 mL bag"),
  );
  inEach(same("50 mL"), () => nameOfContainer("50 mL"));
  inEach(same("blue bag"), () => nameOfContainer("blue bag"));
});

test("an unknown class of pump is told in the gateway's words, and nothing is promised without", () => {
  chooseLanguage("de");
  assert.equal(lossOfControlSentence(["deadman"]), "Ein eigener Prozess auf dem Gateway stoppt die Pumpe.");
  const unknown = ["new"] as unknown as Parameters<typeof lossOfControlSentence>[0];
  assert.equal(lossOfControlSentence(unknown, "it rings"), "It rings.");
  assert.match(lossOfControlSentence(unknown), /unbekannt/);
});

test("one and more have their own form, as the language counts", () => {
  const alarms = {
    en: "{n} alarm|{n} alarms",
    de: "{n} Alarm|{n} Alarme",
    es: "{n} alarma|{n} alarmas",
    fr: "{n} alarme|{n} alarmes",
  };
  assert.equal(sayIn("en", alarms, { n: 0 }), "0 alarms");
  assert.equal(sayIn("fr", alarms, { n: 0 }), "0 alarme");
  assert.equal(sayIn("de", alarms, { n: 1 }), "1 Alarm");
  const table = saidOf({ bed: { en: "Bed", de: "Bett", es: "Cama", fr: "Lit" } });
  chooseLanguage("es");
  assert.equal(say(alarms, { n: 2 }), "2 alarmas");
  assert.equal(table.bed, "Cama");
});
