// Short names of months and days. A table, not Intl: browsers differ in them, and a date must read the same on every tablet.

import { chosenLanguage, type Language } from "./language.ts";

export interface Calendar {
  /** What follows the number of the day, "4." in German. */
  first: string;
  months: readonly string[];
  /** From Sunday, as Date counts them. */
  weekdays: readonly string[];
}

const names = (first: string, months: string, weekdays: string): Calendar => ({
  first,
  months: months.split(" "),
  weekdays: weekdays.split(" "),
});

const CALENDAR: Readonly<Record<Language, Calendar>> = {
  en: names("", "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", "Sun Mon Tue Wed Thu Fri Sat"),
  de: names(".", "Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez.", "So Mo Di Mi Do Fr Sa"),
  es: names("", "ene feb mar abr may jun jul ago sep oct nov dic", "dom lun mar mié jue vie sáb"),
  fr: names("", "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.", "dim. lun. mar. mer. jeu. ven. sam."),
};

export const calendar = (): Calendar => CALENDAR[chosenLanguage()];

const KEYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/** The short name of a day of the week that the gateway calls "mon" to "sun". */
export const weekdayName = (key: string): string => calendar().weekdays[KEYS.indexOf(key)] ?? key;
