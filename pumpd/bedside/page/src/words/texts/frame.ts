// What every screen has around it: title, badges, the notice of a lost link, faults of the page.

import type { Text } from "../say.ts";

export const FRAME = {
  beds: { en: "Beds", de: "Betten", es: "Camas", fr: "Lits" },
  all_beds: { en: "All beds", de: "Alle Betten", es: "Todas las camas", fr: "Tous les lits" },
  back: { en: "Back", de: "Zurück", es: "Atrás", fr: "Retour" },
  pair: {
    en: "Pair this tablet",
    de: "Dieses Tablet koppeln",
    es: "Emparejar esta tableta",
    fr: "Appairer cette tablette",
  },
  bench: { en: "Bench", de: "Prüfstand", es: "Banco de pruebas", fr: "Banc d'essai" },
  bench_of: {
    en: "Bench: {pump}",
    de: "Prüfstand: {pump}",
    es: "Banco de pruebas: {pump}",
    fr: "Banc d'essai : {pump}",
  },
  new_infusion: {
    en: "{pump}: new infusion",
    de: "{pump}: neue Infusion",
    es: "{pump}: nueva infusión",
    fr: "{pump} : nouvelle perfusion",
  },
  rest: { en: "{pump}: the rest", de: "{pump}: der Rest", es: "{pump}: el resto", fr: "{pump} : le reste" },
  treatments: {
    en: "{pump}: treatments",
    de: "{pump}: Behandlungen",
    es: "{pump}: tratamientos",
    fr: "{pump} : traitements",
  },
  sign_in: {
    en: "{pump}: sign in",
    de: "{pump}: Anmeldung",
    es: "{pump}: iniciar sesión",
    fr: "{pump} : connexion",
  },
  tablets: {
    en: "{n} tablet|{n} tablets",
    de: "{n} Tablet|{n} Tablets",
    es: "{n} tableta|{n} tabletas",
    fr: "{n} tablette|{n} tablettes",
  },
  patient: { en: "patient {patient}", de: "Patient {patient}", es: "paciente {patient}", fr: "patient {patient}" },
  no_pump: {
    en: "This gateway has no pump “{pump}”.",
    de: "Dieses Gateway hat keine Pumpe „{pump}“.",
    es: "Esta pasarela no tiene la bomba «{pump}».",
    fr: "Cette passerelle n'a pas de pompe « {pump} ».",
  },
  all_pumps: { en: "all pumps", de: "alle Pumpen", es: "todas las bombas", fr: "toutes les pompes" },

  simulated: { en: "SIMULATED", de: "SIMULIERT", es: "SIMULADA", fr: "SIMULÉE" },
  simulated_scale: {
    en: "SIMULATED · time ×{scale}",
    de: "SIMULIERT · Zeit ×{scale}",
    es: "SIMULADA · tiempo ×{scale}",
    fr: "SIMULÉE · temps ×{scale}",
  },
  not_cleared: {
    en: "Not a cleared medical device",
    de: "Kein zugelassenes Medizinprodukt",
    es: "No es un producto sanitario autorizado",
    fr: "N'est pas un dispositif médical autorisé",
  },
  only_for: {
    en: "For simulation, research and integration only",
    de: "Nur für Simulation, Forschung und Integration",
    es: "Solo para simulación, investigación e integración",
    fr: "Uniquement pour la simulation, la recherche et l'intégration",
  },
  to_bench: {
    en: "Bench of this simulated pump",
    de: "Prüfstand dieser simulierten Pumpe",
    es: "Banco de pruebas de esta bomba simulada",
    fr: "Banc d'essai de cette pompe simulée",
  },
  to_benches: {
    en: "Bench of the simulated pumps",
    de: "Prüfstand der simulierten Pumpen",
    es: "Banco de pruebas de las bombas simuladas",
    fr: "Banc d'essai des pompes simulées",
  },
  version: {
    en: "About: pumpd {version}, Apache-2.0.",
    de: "Über: pumpd {version}, Apache-2.0.",
    es: "Acerca de: pumpd {version}, Apache-2.0.",
    fr: "À propos : pumpd {version}, Apache-2.0.",
  },
  licences: {
    en: "Third-party licences",
    de: "Lizenzen Dritter",
    es: "Licencias de terceros",
    fr: "Licences de tiers",
  },

  to_day: {
    en: "Switch to day colours",
    de: "Zu Tagesfarben wechseln",
    es: "Cambiar a colores de día",
    fr: "Passer aux couleurs de jour",
  },
  to_night: {
    en: "Switch to night colours",
    de: "Zu Nachtfarben wechseln",
    es: "Cambiar a colores de noche",
    fr: "Passer aux couleurs de nuit",
  },
  language: {
    en: "Language: {language}",
    de: "Sprache: {language}",
    es: "Idioma: {language}",
    fr: "Langue : {language}",
  },
  languages: { en: "Languages", de: "Sprachen", es: "Idiomas", fr: "Langues" },

  sound_off: { en: "Sound off", de: "Ton aus", es: "Sonido apagado", fr: "Son coupé" },
  sound_off_touch: {
    en: ": touch to turn it on",
    de: ": zum Einschalten berühren",
    es: ": toque para activarlo",
    fr: " : touchez pour l'activer",
  },
  sound_paused: {
    en: "Sound paused {time}",
    de: "Ton pausiert {time}",
    es: "Sonido en pausa {time}",
    fr: "Son en pause {time}",
  },
  alarm_sound_paused: {
    en: "Alarm sound paused",
    de: "Alarmton pausiert",
    es: "Sonido de alarma en pausa",
    fr: "Son d'alarme en pause",
  },
  clock_not_set: { en: "Clock not set", de: "Uhr nicht gestellt", es: "Reloj sin ajustar", fr: "Horloge non réglée" },
  journal_failed: {
    en: "Journal failed",
    de: "Protokoll ausgefallen",
    es: "Fallo del registro",
    fr: "Journal en panne",
  },
  link: {
    en: "Link to the gateway",
    de: "Verbindung zum Gateway",
    es: "Conexión con la pasarela",
    fr: "Liaison avec la passerelle",
  },
  linked: { en: "Linked", de: "Verbunden", es: "Conectada", fr: "Connectée" },
  linking: { en: "Linking", de: "Verbindet", es: "Conectando", fr: "Connexion" },
  no_link: { en: "No link", de: "Keine Verbindung", es: "Sin conexión", fr: "Pas de liaison" },
  gateways_clock: {
    en: "Gateway's clock",
    de: "Uhr des Gateways",
    es: "Reloj de la pasarela",
    fr: "Horloge de la passerelle",
  },

  link_lost: { en: "Link lost", de: "Verbindung verloren", es: "Conexión perdida", fr: "Liaison perdue" },
  go_to_pump: { en: "Go to the pump", de: "Gehen Sie zur Pumpe", es: "Vaya a la bomba", fr: "Allez à la pompe" },
  no_link_here: {
    en: "This tablet has no link to the gateway.",
    de: "Dieses Tablet hat keine Verbindung zum Gateway.",
    es: "Esta tableta no tiene conexión con la pasarela.",
    fr: "Cette tablette n'a pas de liaison avec la passerelle.",
  },
  last_news: {
    en: "Last news {age} ago. An infusion continues without the tablet, and the gateway still monitors the pump.",
    de: "Letzte Nachricht vor {age}. Eine Infusion läuft ohne das Tablet weiter, und das Gateway überwacht die Pumpe weiterhin.",
    es: "Últimos datos hace {age}. Una infusión continúa sin la tableta, y la pasarela sigue vigilando la bomba.",
    fr: "Dernières données il y a {age}. Une perfusion continue sans la tablette, et la passerelle surveille toujours la pompe.",
  },
  gateway_fails_too: {
    en: "If the gateway fails as well: {what}",
    de: "Fällt auch das Gateway aus: {what}",
    es: "Si falla también la pasarela: {what}",
    fr: "Si la passerelle tombe aussi en panne : {what}",
  },

  connecting: {
    en: "Connecting to the gateway",
    de: "Verbindung zum Gateway wird hergestellt",
    es: "Conectando con la pasarela",
    fr: "Connexion à la passerelle",
  },
  waiting_for_pumps: {
    en: "Waiting for the state of the pumps",
    de: "Warten auf den Zustand der Pumpen",
    es: "Esperando el estado de las bombas",
    fr: "En attente de l'état des pompes",
  },
  no_answer_here: {
    en: "The gateway does not answer this tablet. A running infusion continues, but you cannot see or stop it from here. {go}",
    de: "Das Gateway antwortet diesem Tablet nicht. Eine laufende Infusion läuft weiter, aber Sie können sie von hier weder sehen noch stoppen. {go}",
    es: "La pasarela no responde a esta tableta. Una infusión en curso continúa, pero desde aquí no puede verla ni detenerla. {go}",
    fr: "La passerelle ne répond pas à cette tablette. Une perfusion en cours continue, mais vous ne pouvez ni la voir ni l'arrêter d'ici. {go}",
  },

  part_top_bar: { en: "The top bar", de: "Die Kopfzeile", es: "La barra superior", fr: "la barre du haut" },
  part_alarms: {
    en: "The list of alarms",
    de: "Die Liste der Alarme",
    es: "La lista de alarmas",
    fr: "la liste des alarmes",
  },
  part_link: {
    en: "The state of the link",
    de: "Der Zustand der Verbindung",
    es: "El estado de la conexión",
    fr: "l'état de la liaison",
  },
  part_screen: { en: "This screen", de: "Diese Ansicht", es: "Esta pantalla", fr: "cet écran" },
  cannot_be_shown: {
    en: "{part} cannot be shown",
    de: "{part} kann nicht angezeigt werden",
    es: "{part} no se puede mostrar",
    fr: "Affichage impossible : {part}",
  },
  page_fault: {
    en: "This page has a fault. The infusion continues as before, and Stop works. Go to the pump.",
    de: "Diese Seite hat einen Fehler. Die Infusion läuft wie zuvor weiter, und Stopp wirkt. Gehen Sie zur Pumpe.",
    es: "Esta página tiene un fallo. La infusión continúa como antes, y Parar funciona. Vaya a la bomba.",
    fr: "Cette page a un défaut. La perfusion continue comme avant, et Arrêt fonctionne. Allez à la pompe.",
  },
  try_again: { en: "Try again", de: "Erneut versuchen", es: "Intentar de nuevo", fr: "Réessayer" },
} satisfies Record<string, Text>;
