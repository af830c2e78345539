import type { Text } from "../say.ts";

/** What the page says itself where the gateway gave no answer, or one that is not used. */
export const WIRE = {
  no_answer: {
    en: "The gateway does not answer. The pump continues as before. Try again, or go to the pump.",
    de: "Das Gateway antwortet nicht. Die Pumpe arbeitet weiter wie bisher. Noch einmal versuchen oder zur Pumpe gehen.",
    es: "La pasarela no responde. La bomba continúa como antes. Inténtelo de nuevo o vaya a la bomba.",
    fr: "La passerelle ne répond pas. La pompe continue comme avant. Réessayez ou allez à la pompe.",
  },
  no_reason: {
    en: "The gateway refused without a reason ({status}). Nothing was changed.",
    de: "Das Gateway hat ohne Grund abgelehnt ({status}). Nichts wurde geändert.",
    es: "La pasarela se negó sin dar un motivo ({status}). No se cambió nada.",
    fr: "La passerelle a refusé sans donner de raison ({status}). Rien n'a été changé.",
  },
  not_paired: {
    en: "This tablet is not paired with the gateway.",
    de: "Dieses Tablet ist nicht mit dem Gateway gekoppelt.",
    es: "Esta tableta no está emparejada con la pasarela.",
    fr: "Cette tablette n'est pas appairée à la passerelle.",
  },
  program_changed: {
    en: "The program changed while it was on the screen. Nothing was started. Check it again.",
    de: "Das Programm hat sich geändert, während es angezeigt war. Nichts wurde gestartet. Noch einmal prüfen.",
    es: "El programa cambió mientras estaba en la pantalla. No se inició nada. Compruébelo de nuevo.",
    fr: "Le programme a changé pendant son affichage. Rien n'a été démarré. Vérifiez-le à nouveau.",
  },
  other_program: {
    en: "The gateway and this tablet do not have the same program. Nothing was started. Go back and open the bed again.",
    de: "Gateway und Tablet haben nicht dasselbe Programm. Nichts wurde gestartet. Zurückgehen und das Bett neu öffnen.",
    es: "La pasarela y esta tableta no tienen el mismo programa. No se inició nada. Vuelva atrás y abra la cama de nuevo.",
    fr: "La passerelle et cette tablette n'ont pas le même programme. Rien n'a été démarré. Revenez et rouvrez le lit.",
  },
  no_signature: {
    en: "This tablet could not sign. Nothing was sent. Try again, or reload the page.",
    de: "Dieses Tablet konnte nicht signieren. Nichts wurde gesendet. Noch einmal versuchen oder die Seite neu laden.",
    es: "Esta tableta no pudo firmar. No se envió nada. Inténtelo de nuevo o recargue la página.",
    fr: "Cette tablette n'a pas pu signer. Rien n'a été envoyé. Réessayez ou rechargez la page.",
  },
  not_signable: {
    en: "The gateway sent a number that this tablet cannot sign. Nothing was started.",
    de: "Das Gateway hat eine Zahl gesendet, die dieses Tablet nicht signieren kann. Nichts wurde gestartet.",
    es: "La pasarela envió un número que esta tableta no puede firmar. No se inició nada.",
    fr: "La passerelle a envoyé un nombre que cette tablette ne peut pas signer. Rien n'a été démarré.",
  },
} satisfies Record<string, Text>;
