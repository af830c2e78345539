import type { Text } from "../say.ts";

export const STOP = {
  stop: { en: "Stop", de: "Stopp", es: "Parar", fr: "Arrêt" },
  stopping: { en: "Stopping", de: "Wird gestoppt", es: "Deteniendo", fr: "Arrêt en cours" },
  stopped: { en: "Stopped", de: "Gestoppt", es: "Detenida", fr: "Arrêtée" },
  at_the_pump: {
    en: "Stop at the pump and clamp the line",
    de: "An der Pumpe stoppen und Leitung abklemmen",
    es: "Pare en la bomba y pince la línea",
    fr: "Arrêtez sur la pompe et clampez la ligne",
  },
  not_confirmed: {
    en: "{pump}: stop not confirmed",
    de: "{pump}: Stopp nicht bestätigt",
    es: "{pump}: parada no confirmada",
    fr: "{pump} : arrêt non confirmé",
  },
  late: {
    en: "{pump}: not stopped, another infusion began before this stop arrived. Touch again to stop it",
    de: "{pump}: nicht gestoppt, vor diesem Stopp begann eine andere Infusion. Zum Stoppen noch einmal berühren",
    es: "{pump}: no parada, otra infusión empezó antes de llegar esta parada. Toque otra vez para pararla",
    fr: "{pump} : pas arrêtée, une autre perfusion a commencé avant cet arrêt. Touchez encore pour l'arrêter",
  },
  /** What a screen reader says: the pump, and what its button shows. */
  announced: { en: "{pump}: {shows}", de: "{pump}: {shows}", es: "{pump}: {shows}", fr: "{pump} : {shows}" },
  this_page: { en: "This page", de: "Diese Seite", es: "Esta página", fr: "Cette page" },
  go_to_stop: { en: "Go to Stop", de: "Zum Stopp", es: "Ir a Parar", fr: "Aller à Arrêt" },
} satisfies Record<string, Text>;
