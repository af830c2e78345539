// Pairing a tablet.

import type { Text } from "../say.ts";

export const PAIR = {
  no_key: {
    en: "This browser cannot make or store a key ({why}). Open the page over https.",
    de: "Dieser Browser kann keinen Schlüssel erzeugen oder speichern ({why}). Öffnen Sie die Seite über https.",
    es: "Este navegador no puede crear ni guardar una clave ({why}). Abra la página por https.",
    fr: "Ce navigateur ne peut pas créer ou garder de clé ({why}). Ouvrez la page en https.",
  },
  unknown: { en: "unknown", de: "unbekannt", es: "desconocido", fr: "inconnu" },
  another_gateway: {
    en: "The answer is not from the gateway that showed this code. Nothing was paired.",
    de: "Die Antwort stammt nicht von dem Gateway, das diesen Code gezeigt hat. Es wurde nichts gekoppelt.",
    es: "La respuesta no es de la pasarela que mostró este código. No se ha emparejado nada.",
    fr: "La réponse ne vient pas de la passerelle qui a montré ce code. Rien n'a été appairé.",
  },
  closed: {
    en: "The gateway has closed the pairing: {why}. Start it again at the gateway.",
    de: "Das Gateway hat die Kopplung beendet: {why}. Beginnen Sie am Gateway neu.",
    es: "La pasarela ha cerrado el emparejamiento: {why}. Empiece de nuevo en la pasarela.",
    fr: "La passerelle a clos l'appairage : {why}. Recommencez à la passerelle.",
  },
  paired_as: {
    en: "Paired as {name}",
    de: "Gekoppelt als {name}",
    es: "Emparejada como {name}",
    fr: "Appairée sous le nom {name}",
  },
  loading_beds: {
    en: "Loading the beds.",
    de: "Die Betten werden geladen.",
    es: "Cargando las camas.",
    fr: "Chargement des lits.",
  },
  pair_with: {
    en: "Pair with {gateway}",
    de: "Mit {gateway} koppeln",
    es: "Emparejar con {gateway}",
    fr: "Appairer avec {gateway}",
  },
  step_run: {
    en: "At the gateway, run {command}.",
    de: "Führen Sie am Gateway {command} aus.",
    es: "En la pasarela, ejecute {command}.",
    fr: "À la passerelle, exécutez {command}.",
  },
  step_scan: {
    en: "Scan the code that it shows, or type its pairing word here.",
    de: "Scannen Sie den Code, den es zeigt, oder geben Sie sein Kopplungswort hier ein.",
    es: "Escanee el código que muestra, o escriba aquí su palabra de emparejamiento.",
    fr: "Scannez le code affiché, ou saisissez ici son mot d'appairage.",
  },
  step_digits: {
    en: "This tablet then shows six digits. Type them at the gateway.",
    de: "Dieses Tablet zeigt dann sechs Ziffern. Geben Sie sie am Gateway ein.",
    es: "Esta tableta muestra entonces seis cifras. Escríbalas en la pasarela.",
    fr: "Cette tablette affiche alors six chiffres. Saisissez-les à la passerelle.",
  },
  word: { en: "Pairing word", de: "Kopplungswort", es: "Palabra de emparejamiento", fr: "Mot d'appairage" },
  name: {
    en: "Name of this tablet",
    de: "Name dieses Tablets",
    es: "Nombre de esta tableta",
    fr: "Nom de cette tablette",
  },
  name_example: {
    en: "for example: ward 7, bed 1",
    de: "zum Beispiel: Station 7, Bett 1",
    es: "por ejemplo: planta 7, cama 1",
    fr: "par exemple : service 7, lit 1",
  },
  not_paired: { en: "Not paired", de: "Nicht gekoppelt", es: "No emparejada", fr: "Non appairée" },
  asking: { en: "Asking", de: "Anfrage läuft", es: "Preguntando", fr: "Demande en cours" },
  pair: { en: "Pair", de: "Koppeln", es: "Emparejar", fr: "Appairer" },
  type_code: {
    en: "Type this code at the gateway",
    de: "Geben Sie diesen Code am Gateway ein",
    es: "Escriba este código en la pasarela",
    fr: "Saisissez ce code à la passerelle",
  },
  code: { en: "Short code", de: "Kurzcode", es: "Código corto", fr: "Code court" },
  why_code: {
    en: "The gateway asks for it. Only a person at the gateway who sees this screen can admit this tablet.",
    de: "Das Gateway fragt danach. Nur eine Person am Gateway, die diese Ansicht sieht, kann das Tablet zulassen.",
    es: "La pasarela lo pide. Solo una persona en la pasarela que vea esta pantalla puede admitir esta tableta.",
    fr: "La passerelle le demande. Seule une personne à la passerelle qui voit cet écran peut admettre cette tablette.",
  },
  waiting: {
    en: "Waiting for the gateway, {left} left.",
    de: "Warten auf das Gateway, noch {left}.",
    es: "Esperando a la pasarela, quedan {left}.",
    fr: "En attente de la passerelle, reste {left}.",
  },
} satisfies Record<string, Text>;
