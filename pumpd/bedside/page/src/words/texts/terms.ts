// Words that several screens share: states, lengths of time, the program as a sentence.

import type { Text } from "../say.ts";

export const TERMS = {
  hours: {
    en: "{n} hour|{n} hours",
    de: "{n} Stunde|{n} Stunden",
    es: "{n} hora|{n} horas",
    fr: "{n} heure|{n} heures",
  },
  minutes: {
    en: "{n} minute|{n} minutes",
    de: "{n} Minute|{n} Minuten",
    es: "{n} minuto|{n} minutos",
    fr: "{n} minute|{n} minutes",
  },
  seconds: {
    en: "{n} second|{n} seconds",
    de: "{n} Sekunde|{n} Sekunden",
    es: "{n} segundo|{n} segundos",
    fr: "{n} seconde|{n} secondes",
  },
  ordered: { en: "Ordered", de: "Verordnet", es: "Prescrita", fr: "Prescrite" },
  loading: { en: "Loading the pump", de: "Pumpe wird geladen", es: "Cargando la bomba", fr: "Chargement de la pompe" },
  ready: { en: "Ready to check", de: "Bereit zur Prüfung", es: "Lista para comprobar", fr: "Prête à vérifier" },
  starting: { en: "Starting", de: "Startet", es: "Iniciando", fr: "Démarrage" },
  running: { en: "Running", de: "Läuft", es: "En curso", fr: "En cours" },
  completing: { en: "Finishing", de: "Wird abgeschlossen", es: "Terminando", fr: "Fin en cours" },
  pausing: { en: "Pausing", de: "Wird angehalten", es: "Pausando", fr: "Mise en pause" },
  paused: { en: "Paused", de: "Pausiert", es: "En pausa", fr: "En pause" },
  stopping: { en: "Stopping", de: "Wird gestoppt", es: "Deteniendo", fr: "Arrêt en cours" },
  uncertain: { en: "Uncertain", de: "Ungewiss", es: "Incierta", fr: "Incertaine" },
  tripped: {
    en: "Stopped by an alarm",
    de: "Durch Alarm gestoppt",
    es: "Detenida por una alarma",
    fr: "Arrêtée par une alarme",
  },
  completed: { en: "Complete", de: "Vollständig", es: "Completa", fr: "Terminée" },
  stopped: { en: "Stopped", de: "Gestoppt", es: "Detenida", fr: "Arrêtée" },
  abandoned: { en: "Not started", de: "Nicht gestartet", es: "No iniciada", fr: "Non démarrée" },

  loss_native: {
    en: "the pump's own watchdog stops it",
    de: "die eigene Überwachung der Pumpe stoppt sie",
    es: "la propia vigilancia de la bomba la detiene",
    fr: "la surveillance propre de la pompe l'arrête",
  },
  loss_deadman: {
    en: "a separate process on the gateway stops the pump",
    de: "ein eigener Prozess auf dem Gateway stoppt die Pumpe",
    es: "un proceso independiente de la pasarela detiene la bomba",
    fr: "un processus distinct de la passerelle arrête la pompe",
  },
  loss_vtbi_only: {
    en: "the pump runs on to the end of its programmed volume",
    de: "die Pumpe läuft bis zum Ende ihres programmierten Volumens weiter",
    es: "la bomba sigue hasta el final de su volumen programado",
    fr: "la pompe continue jusqu'à la fin de son volume programmé",
  },
  loss_unknown: {
    en: "It is unknown what the pump does without the gateway.",
    de: "Es ist unbekannt, was die Pumpe ohne das Gateway tut.",
    es: "No se sabe qué hace la bomba sin la pasarela.",
    fr: "On ne sait pas ce que fait la pompe sans la passerelle.",
  },

  report_none: {
    en: "Last report: no infusion.",
    de: "Letzte Meldung: keine Infusion.",
    es: "Último informe: sin infusión.",
    fr: "Dernier relevé : aucune perfusion.",
  },
  report_no_flow: {
    en: "Last report: {state}, no flow.",
    de: "Letzte Meldung: {state}, kein Fluss.",
    es: "Último informe: {state}, sin flujo.",
    fr: "Dernier relevé : {state}, aucun débit.",
  },
  report_flow: {
    en: "Last report: {state} at {rate} mL/h.",
    de: "Letzte Meldung: {state} mit {rate} mL/h.",
    es: "Último informe: {state} a {rate} mL/h.",
    fr: "Dernier relevé : {state} à {rate} mL/h.",
  },
  report_flow_until: {
    en: "Last report: {state} at {rate} mL/h, ending about {time}.",
    de: "Letzte Meldung: {state} mit {rate} mL/h, Ende etwa {time} Uhr.",
    es: "Último informe: {state} a {rate} mL/h, fin hacia las {time}.",
    fr: "Dernier relevé : {state} à {rate} mL/h, fin vers {time}.",
  },

  program: {
    en: "{dose} mg of {drug} in {volume} mL over {time}",
    de: "{dose} mg {drug} in {volume} mL über {time}",
    es: "{dose} mg de {drug} en {volume} mL durante {time}",
    fr: "{dose} mg de {drug} dans {volume} mL en {time}",
  },
  program_last: {
    en: "The last {volume} mL of {dose} mg of {drug}, over {time}",
    de: "Die letzten {volume} mL von {dose} mg {drug}, über {time}",
    es: "Los últimos {volume} mL de {dose} mg de {drug}, durante {time}",
    fr: "Les derniers {volume} mL de {dose} mg de {drug}, en {time}",
  },
  program_rest: {
    en: "The rest of a treatment of {dose} mg of {drug}: {volume} mL over {time}",
    de: "Der Rest einer Behandlung mit {dose} mg {drug}: {volume} mL über {time}",
    es: "El resto de un tratamiento de {dose} mg de {drug}: {volume} mL durante {time}",
    fr: "Le reste d'un traitement de {dose} mg de {drug} : {volume} mL en {time}",
  },
  program_ends: {
    en: "{program}, ending about {time}",
    de: "{program}, Ende etwa {time} Uhr",
    es: "{program}, fin hacia las {time}",
    fr: "{program}, fin vers {time}",
  },
  step: {
    en: "{rate} mL/h for {time}",
    de: "{rate} mL/h für {time}",
    es: "{rate} mL/h durante {time}",
    fr: "{rate} mL/h pendant {time}",
  },
  steps: { en: "{one}, then {next}", de: "{one}, dann {next}", es: "{one}, después {next}", fr: "{one}, puis {next}" },

  phase_infusion: { en: "infusion", de: "Infusion", es: "infusión", fr: "perfusion" },
  phase_maintenance: {
    en: "maintenance",
    de: "Erhaltungsinfusion",
    es: "mantenimiento",
    fr: "entretien",
  },
  bag: { en: "{volume} bag", de: "Beutel {volume}", es: "bolsa de {volume}", fr: "poche de {volume}" },
  place: { en: "{phase} {n}", de: "{phase} {n}", es: "{phase} {n}", fr: "{phase} {n}" },
  place_of: {
    en: "{phase} {n} of {of}",
    de: "{phase} {n} von {of}",
    es: "{phase} {n} de {of}",
    fr: "{phase} {n} sur {of}",
  },
  place_course: {
    en: "{place}, course {course}",
    de: "{place}, Serie {course}",
    es: "{place}, ciclo {course}",
    fr: "{place}, série {course}",
  },

  library: {
    en: "library version {version}, {area}",
    de: "Bibliothek Version {version}, {area}",
    es: "biblioteca versión {version}, {area}",
    fr: "bibliothèque version {version}, {area}",
  },
  library_unsigned: {
    en: "library NOT SIGNED",
    de: "Bibliothek NICHT SIGNIERT",
    es: "biblioteca SIN FIRMAR",
    fr: "bibliothèque NON SIGNÉE",
  },

  actual: { en: "actual", de: "tatsächlich", es: "real", fr: "réel" },
  ideal: { en: "ideal", de: "ideal", es: "ideal", fr: "idéal" },
  adjusted: { en: "adjusted", de: "angepasst", es: "ajustado", fr: "ajusté" },
  weight_actual: { en: "actual weight", de: "tatsächliches Gewicht", es: "peso real", fr: "poids réel" },
  weight_ideal: { en: "ideal weight", de: "Idealgewicht", es: "peso ideal", fr: "poids idéal" },
  weight_adjusted: { en: "adjusted weight", de: "angepasstes Gewicht", es: "peso ajustado", fr: "poids ajusté" },

  a_tablet: { en: "a tablet", de: "ein Tablet", es: "una tableta", fr: "une tablette" },
} satisfies Record<string, Text>;
