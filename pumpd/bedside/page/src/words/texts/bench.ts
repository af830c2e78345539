// The engineer's panel of simulated pumps.

import type { Text } from "../say.ts";

export const BENCH = {
  bench: { en: "Bench", de: "Prüfstand", es: "Banco de pruebas", fr: "Banc d'essai" },
  not_here: {
    en: "The bench is for simulated pumps. This tablet may use none on this gateway.",
    de: "Der Prüfstand ist für simulierte Pumpen. Dieses Tablet darf auf diesem Gateway keinen benutzen.",
    es: "El banco de pruebas es para bombas simuladas. Esta tableta no puede usar ninguno en esta pasarela.",
    fr: "Le banc d'essai sert aux pompes simulées. Cette tablette ne peut en utiliser aucun sur cette passerelle.",
  },
  pumps: { en: "Simulated pumps", de: "Simulierte Pumpen", es: "Bombas simuladas", fr: "Pompes simulées" },
  refused: { en: "Refused", de: "Abgelehnt", es: "Rechazado", fr: "Refusé" },
  values: {
    en: "True and read values",
    de: "Wahre und gelesene Werte",
    es: "Valores reales y leídos",
    fr: "Valeurs vraies et lues",
  },
  truth: { en: "True", de: "Wahr", es: "Real", fr: "Vraie" },
  read: { en: "Read", de: "Gelesen", es: "Leído", fr: "Lue" },
  speed: { en: "Speed", de: "Geschwindigkeit", es: "Velocidad", fr: "Vitesse" },
  faults: { en: "Faults", de: "Fehler", es: "Fallos", fr: "Défauts" },
  fault_on: { en: "{fault}: on", de: "{fault}: ein", es: "{fault}: activo", fr: "{fault} : actif" },
  wire: { en: "Wire", de: "Leitung", es: "Línea", fr: "Ligne" },
  trace: { en: "Wire trace", de: "Mitschnitt der Leitung", es: "Traza de la línea", fr: "Trace de la ligne" },
  yes: { en: "yes", de: "ja", es: "sí", fr: "oui" },
  no: { en: "no", de: "nein", es: "no", fr: "non" },
} satisfies Record<string, Text>;
