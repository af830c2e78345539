// An infusion that an alarm stopped, or whose delivery is uncertain.

import type { Text } from "../say.ts";

export const TRIPPED = {
  tripped: {
    en: "Stopped by an alarm. Nothing flows.",
    de: "Durch einen Alarm gestoppt. Nichts fließt.",
    es: "Detenida por una alarma. No fluye nada.",
    fr: "Arrêtée par une alarme. Rien ne s’écoule.",
  },
  causes: {
    en: "Causes",
    de: "Ursachen",
    es: "Causas",
    fr: "Causes",
  },
  priority: {
    en: "{priority} priority",
    de: "Priorität {priority}",
    es: "Prioridad {priority}",
    fr: "Priorité {priority}",
  },
  checked: {
    en: "I have checked the pump, the line and the patient",
    de: "Ich habe Pumpe, Leitung und Patient geprüft",
    es: "He comprobado la bomba, la línea y el paciente",
    fr: "J’ai vérifié la pompe, la ligne et le patient",
  },
  clear: {
    en: "Clear the alarm",
    de: "Alarm zurücksetzen",
    es: "Borrar la alarma",
    fr: "Effacer l’alarme",
  },
  tick_first: {
    en: "tick “checked” first",
    de: "zuerst „geprüft“ ankreuzen",
    es: "marque antes «comprobado»",
    fr: "cochez d’abord « vérifié »",
  },
  not_cleared: {
    en: "Not cleared",
    de: "Nicht zurückgesetzt",
    es: "No borrada",
    fr: "Pas effacée",
  },
  after_pause: {
    en: "After that the infusion is paused and can be resumed.",
    de: "Danach ist die Infusion pausiert und kann fortgesetzt werden.",
    es: "Después la infusión queda en pausa y se puede reanudar.",
    fr: "Ensuite la perfusion est en pause et peut être reprise.",
  },
  after_end: {
    en: "That ends this infusion: after this cause it cannot continue.",
    de: "Damit endet diese Infusion: Nach dieser Ursache kann sie nicht fortgesetzt werden.",
    es: "Con ello termina esta infusión: tras esta causa no puede continuar.",
    fr: "Cela termine cette perfusion : après cette cause elle ne peut pas continuer.",
  },
  after_either: {
    en: "After that the infusion is paused, or it ends if it cannot continue after this cause.",
    de: "Danach ist die Infusion pausiert, oder sie endet, wenn sie nach dieser Ursache nicht weitergehen kann.",
    es: "Después la infusión queda en pausa, o termina si no puede continuar tras esta causa.",
    fr: "Ensuite la perfusion est en pause, ou se termine si elle ne peut pas continuer après cette cause.",
  },
  uncertain: {
    en: "Uncertain: the pump may be running",
    de: "Unklar: Die Pumpe läuft vielleicht",
    es: "Incierto: la bomba puede estar funcionando",
    fr: "Incertain : la pompe tourne peut-être",
  },
  go_stop: {
    en: "Go to the pump. Stop it there and clamp the line.",
    de: "Zur Pumpe gehen. Dort stoppen und Leitung abklemmen.",
    es: "Vaya a la bomba. Deténgala allí y pince la línea.",
    fr: "Allez à la pompe. Arrêtez-la sur place et clampez la ligne.",
  },
  not_repeated: {
    en: "The start is not repeated. The gateway keeps trying to stop the pump.",
    de: "Der Start wird nicht wiederholt. Das Gateway versucht weiter, die Pumpe zu stoppen.",
    es: "El inicio no se repite. La pasarela sigue intentando detener la bomba.",
    fr: "Le démarrage n’est pas répété. La passerelle continue d’essayer d’arrêter la pompe.",
  },
  pump_says: {
    en: "Pump reports",
    de: "Pumpe meldet",
    es: "La bomba comunica",
    fr: "La pompe indique",
  },
  nothing: {
    en: "nothing",
    de: "nichts",
    es: "nada",
    fr: "rien",
  },
  infusing: {
    en: "it runs",
    de: "sie läuft",
    es: "funciona",
    fr: "elle tourne",
  },
  is_stopped: {
    en: "it has stopped",
    de: "sie ist gestoppt",
    es: "está parada",
    fr: "elle est arrêtée",
  },
  in_alarm: {
    en: "an alarm",
    de: "einen Alarm",
    es: "una alarma",
    fr: "une alarme",
  },
} satisfies Record<string, Text>;
