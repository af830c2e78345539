// After an infusion: what was given, the rest of it, and the volume that a person reads at the pump.

import type { Text } from "../say.ts";

export const ENDED = {
  completed: {
    en: "Complete: the whole volume was given",
    de: "Fertig: Das ganze Volumen wurde gegeben",
    es: "Completa: se administró todo el volumen",
    fr: "Terminée : tout le volume a été administré",
  },
  stopped: {
    en: "Stopped before the whole volume was given",
    de: "Gestoppt, bevor das ganze Volumen gegeben war",
    es: "Detenida antes de administrar todo el volumen",
    fr: "Arrêtée avant que tout le volume soit administré",
  },
  abandoned: {
    en: "Not started: nothing was given",
    de: "Nicht gestartet: Es wurde nichts gegeben",
    es: "No iniciada: no se administró nada",
    fr: "Non démarrée : rien n’a été administré",
  },
  expired: {
    en: "An order is valid for a limited time, so that nobody starts yesterday’s decision. Examine the patient, then order again.",
    de: "Eine Verordnung gilt nur begrenzt, damit niemand die Entscheidung von gestern startet. Patient untersuchen, dann neu verordnen.",
    es: "Una prescripción vale un tiempo limitado, para que nadie inicie la decisión de ayer. Examine al paciente y prescriba de nuevo.",
    fr: "Une prescription vaut un temps limité, pour que personne ne démarre la décision d’hier. Examinez le patient, puis prescrivez à nouveau.",
  },
  treatments: {
    en: "Treatments and course",
    de: "Behandlungen und Serie",
    es: "Tratamientos y ciclo",
    fr: "Traitements et série",
  },
  order_next: {
    en: "Order the next infusion",
    de: "Nächste Infusion verordnen",
    es: "Prescribir la siguiente infusión",
    fr: "Prescrire la perfusion suivante",
  },
  observed: {
    en: "The observation has not ended.",
    de: "Die Nachbeobachtung läuft noch.",
    es: "La observación no ha terminado.",
    fr: "L’observation n’est pas terminée.",
  },
  order_anyway: {
    en: "Order anyway",
    de: "Trotzdem verordnen",
    es: "Prescribir de todos modos",
    fr: "Prescrire quand même",
  },
  given_here: {
    en: "Given in this delivery",
    de: "In dieser Gabe gegeben",
    es: "Administrado en esta administración",
    fr: "Administré dans cette administration",
  },
  not_given: {
    en: "Not given",
    de: "Nicht gegeben",
    es: "No administrado",
    fr: "Non administré",
  },
  with_pauses: {
    en: "With pauses",
    de: "Mit Pausen",
    es: "Con pausas",
    fr: "Avec pauses",
  },
  pauses: {
    en: "{n} pause|{n} pauses",
    de: "{n} Pause|{n} Pausen",
    es: "{n} pausa|{n} pausas",
    fr: "{n} pause|{n} pauses",
  },
  from: {
    en: "From",
    de: "Von",
    es: "De",
    fr: "De",
  },
  to: {
    en: "to {time}",
    de: "bis {time}",
    es: "a {time}",
    fr: "à {time}",
  },
  started_by: {
    en: "Started by",
    de: "Gestartet von",
    es: "Iniciada por",
    fr: "Démarrée par",
  },
  checked_by: {
    en: "checked by {who}",
    de: "geprüft von {who}",
    es: "comprobada por {who}",
    fr: "vérifiée par {who}",
  },
  deviation: {
    en: "Alarm during the infusion: {cause}.",
    de: "Alarm während der Infusion: {cause}.",
    es: "Alarma durante la infusión: {cause}.",
    fr: "Alarme pendant la perfusion : {cause}.",
  },
  rest: {
    en: "The rest of a treatment",
    de: "Der Rest einer Behandlung",
    es: "El resto de un tratamiento",
    fr: "Le reste d’un traitement",
  },
  rest_question: {
    en: "What is to become of the rest?",
    de: "Was soll mit dem Rest geschehen?",
    es: "¿Qué hacer con el resto?",
    fr: "Que faire du reste ?",
  },
  rest_left: {
    en: "{mg} mg ({ml} mL) for {patient} were not given. They can still be given until {time}.",
    de: "{mg} mg ({ml} mL) für {patient} wurden nicht gegeben. Sie können noch bis {time} gegeben werden.",
    es: "No se administraron {mg} mg ({ml} mL) para {patient}. Aún se pueden administrar hasta las {time}.",
    fr: "{mg} mg ({ml} mL) pour {patient} n’ont pas été administrés. Ils peuvent encore l’être jusqu’à {time}.",
  },
  rest_none: {
    en: "If they are not to be given, there is nothing to do.",
    de: "Wenn sie nicht gegeben werden sollen, ist nichts zu tun.",
    es: "Si no se deben administrar, no hay que hacer nada.",
    fr: "S’il ne faut pas les administrer, il n’y a rien à faire.",
  },
  give_rest: {
    en: "Give the rest",
    de: "Rest geben",
    es: "Administrar el resto",
    fr: "Administrer le reste",
  },
  rest_role: {
    en: "To order the rest, you and this tablet both need the role “prescribe”.",
    de: "Um den Rest zu verordnen, brauchen Sie und dieses Tablet die Rolle „prescribe“.",
    es: "Para prescribir el resto, usted y esta tableta necesitan la función «prescribe».",
    fr: "Pour prescrire le reste, vous et cette tablette devez avoir le rôle « prescribe ».",
  },
  rest_role_nurse: {
    en: "To order the rest, you and this tablet both need the role “prescribe” or “confirm”.",
    de: "Um den Rest zu verordnen, brauchen Sie und dieses Tablet die Rolle „prescribe“ oder „confirm“.",
    es: "Para prescribir el resto, usted y esta tableta necesitan la función «prescribe» o «confirm».",
    fr: "Pour prescrire le reste, vous et cette tablette devez avoir le rôle « prescribe » ou « confirm ».",
  },
  rest_of: {
    en: "Rest of a treatment: {earlier} mg of {whole} mg given before.",
    de: "Rest einer Behandlung: {earlier} mg von {whole} mg vorher gegeben.",
    es: "Resto de un tratamiento: {earlier} mg de {whole} mg administrados antes.",
    fr: "Reste d’un traitement : {earlier} mg sur {whole} mg administrés avant.",
  },
  began: {
    en: "It began {when}.",
    de: "Beginn: {when}.",
    es: "Empezó: {when}.",
    fr: "Début : {when}.",
  },
  closes: {
    en: "All of it must be given by {time}.",
    de: "Alles muss bis {time} gegeben sein.",
    es: "Todo debe estar administrado a las {time}.",
    fr: "Tout doit être administré avant {time}.",
  },
} satisfies Record<string, Text>;

export const RECONCILE = {
  form: {
    en: "Reconcile",
    de: "Volumen abgleichen",
    es: "Conciliar el volumen",
    fr: "Rapprocher le volume",
  },
  volume: {
    en: "Volume that the pump’s display shows for this program",
    de: "Volumen, das das Display der Pumpe für dieses Programm zeigt",
    es: "Volumen que muestra la pantalla de la bomba para este programa",
    fr: "Volume que l’écran de la pompe indique pour ce programme",
  },
  volume_again: {
    en: "The same volume again: it is more than the program",
    de: "Dasselbe Volumen noch einmal: Es ist mehr als das Programm",
    es: "El mismo volumen otra vez: es más que el programa",
    fr: "Le même volume à nouveau : il dépasse le programme",
  },
  why: {
    en: "Why this is right",
    de: "Warum das stimmt",
    es: "Por qué es correcto",
    fr: "Pourquoi c’est exact",
  },
  example: {
    en: "for example: read at the pump, the cable was unplugged",
    de: "zum Beispiel: an der Pumpe abgelesen, das Kabel war abgezogen",
    es: "por ejemplo: leído en la bomba, el cable estaba desconectado",
    fr: "par exemple : lu sur la pompe, le câble était débranché",
  },
  at_pump: {
    en: "I am at the pump. It has stopped.",
    de: "Ich bin an der Pumpe. Sie ist gestoppt.",
    es: "Estoy junto a la bomba. Está parada.",
    fr: "Je suis à la pompe. Elle est arrêtée.",
  },
  need_volume: { en: "volume", de: "Volumen", es: "volumen", fr: "volume" },
  need_again: {
    en: "volume again",
    de: "Volumen noch einmal",
    es: "el volumen otra vez",
    fr: "le volume à nouveau",
  },
  need_reason: {
    en: "why this is right, in at least 3 letters",
    de: "warum das stimmt, mit mindestens 3 Buchstaben",
    es: "por qué es correcto, con al menos 3 letras",
    fr: "pourquoi c’est exact, en au moins 3 lettres",
  },
  need_tick: {
    en: "the tick that the pump has stopped",
    de: "das Häkchen, dass die Pumpe gestoppt ist",
    es: "la marca de que la bomba está parada",
    fr: "la coche que la pompe est arrêtée",
  },
  not_accepted: {
    en: "Not accepted",
    de: "Nicht angenommen",
    es: "No aceptado",
    fr: "Non accepté",
  },
  confirm: {
    en: "Confirm this volume",
    de: "Dieses Volumen bestätigen",
    es: "Confirmar este volumen",
    fr: "Confirmer ce volume",
  },
  ends: {
    en: "This ends the infusion. The volume and your reason are recorded.",
    de: "Damit endet die Infusion. Volumen und Grund werden gespeichert.",
    es: "Con ello termina la infusión. Se registran el volumen y su motivo.",
    fr: "Cela termine la perfusion. Le volume et votre motif sont enregistrés.",
  },
} satisfies Record<string, Text>;
