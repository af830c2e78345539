// What the gateway says, in German: by the id of the message, with the same holes as in English.

export const GERMAN: Readonly<Record<string, string>> = {
  "link.display_failed":
    "Die Anzeige des Gateways ist ausgefallen und startet neu. Die Infusion läuft weiter wie bisher. Wenn diese Meldung bestehen bleibt, gehen Sie zur Pumpe.",
  "link.not_yet": "Das Gateway hat noch nicht geantwortet.",
  "link.unpaired": "Dieses Tablet ist nicht mehr mit diesem Gateway gekoppelt.",
};
