import type { Text } from "../say.ts";

/** Signing in and out, and a second person. */
export const PERSON = {
  sign_in: { en: "Sign in", de: "Anmelden", es: "Iniciar sesión", fr: "Se connecter" },
  signing_in: { en: "Signing in", de: "Wird angemeldet", es: "Iniciando sesión", fr: "Connexion" },
  /** {what}: "order an infusion"; in German with "zu": "eine Infusion zu verordnen". */
  sign_in_to: {
    en: "Sign in to {what}",
    de: "Anmelden, um {what}",
    es: "Iniciar sesión para {what}",
    fr: "Se connecter pour {what}",
  },
  not_signed_in: { en: "Not signed in", de: "Nicht angemeldet", es: "Sesión no iniciada", fr: "Non connecté" },
  too_many: {
    en: "Too many wrong attempts. Try again in {seconds} s. Stop still works.",
    de: "Zu viele falsche Versuche. In {seconds} s noch einmal. Stopp geht weiterhin.",
    es: "Demasiados intentos fallidos. Inténtelo de nuevo en {seconds} s. Parar sigue funcionando.",
    fr: "Trop d'essais erronés. Réessayez dans {seconds} s. Arrêt fonctionne toujours.",
  },
  idle: {
    en: "After 3 minutes without a touch you are signed out. A running infusion continues. Stop always works.",
    de: "Nach 3 Minuten ohne Berührung werden Sie abgemeldet. Eine laufende Infusion läuft weiter. Stopp geht immer.",
    es: "Tras 3 minutos sin tocar la pantalla se cierra la sesión. Una infusión en curso continúa. Parar siempre funciona.",
    fr: "Après 3 minutes sans toucher, vous êtes déconnecté. Une perfusion en cours continue. Arrêt fonctionne toujours.",
  },
  badge: { en: "Badge number", de: "Ausweisnummer", es: "Número de tarjeta", fr: "Numéro de badge" },
  pin: { en: "PIN", de: "PIN", es: "PIN", fr: "PIN" },
  next_pin: { en: "Next: PIN", de: "Weiter: PIN", es: "Siguiente: PIN", fr: "Suite : PIN" },
  keypad: { en: "Keypad", de: "Tastenfeld", es: "Teclado", fr: "Pavé numérique" },
  clear: { en: "Clear", de: "Löschen", es: "Borrar", fr: "Effacer" },
  delete_last: {
    en: "Delete the last digit",
    de: "Letzte Ziffer löschen",
    es: "Borrar la última cifra",
    fr: "Effacer le dernier chiffre",
  },
  lately: {
    en: "Signed in here lately",
    de: "Zuletzt hier angemeldet",
    es: "Sesiones recientes aquí",
    fr: "Connectés ici récemment",
  },
  sign_out: { en: "Sign out", de: "Abmelden", es: "Cerrar sesión", fr: "Se déconnecter" },
  leaving: {
    en: "Sign-out in {seconds} s. Touch to stay signed in.",
    de: "Abmeldung in {seconds} s. Berühren, um angemeldet zu bleiben.",
    es: "Cierre de sesión en {seconds} s. Toque para seguir.",
    fr: "Déconnexion dans {seconds} s. Touchez pour rester connecté.",
  },
  checked: { en: "I have checked it", de: "Ich habe es geprüft", es: "Lo he comprobado", fr: "J'ai vérifié" },
  must_differ: {
    en: "This must be a different person.",
    de: "Das muss eine andere Person sein.",
    es: "Debe ser otra persona.",
    fr: "Ce doit être une autre personne.",
  },
} satisfies Record<string, Text>;
