// The help key and the legend.

import type { Text } from "../say.ts";

export const HELP = {
  help: { en: "Help", de: "Hilfe", es: "Ayuda", fr: "Aide" },
  close: { en: "Close the help", de: "Hilfe schließen", es: "Cerrar la ayuda", fr: "Fermer l'aide" },
  purpose: {
    en: "What this screen is for",
    de: "Wozu diese Ansicht dient",
    es: "Para qué sirve esta pantalla",
    fr: "À quoi sert cet écran",
  },
  stuck: {
    en: "If nothing happens",
    de: "Wenn es nicht weitergeht",
    es: "Si no se puede continuar",
    fr: "Si rien n'avance",
  },
  signs: {
    en: "Signs and colours",
    de: "Zeichen und Farben",
    es: "Signos y colores",
    fr: "Signes et couleurs",
  },

  ring_volume: {
    en: "Inner ring: the volume given, of the volume ordered",
    de: "Innerer Ring: gegebenes Volumen vom verordneten",
    es: "Anillo interior: volumen administrado del prescrito",
    fr: "Anneau intérieur : volume administré sur le volume prescrit",
  },
  ring_window: {
    en: "Outer ring: the time used, of the longest permitted",
    de: "Äußerer Ring: verbrauchte Zeit von der längsten zulässigen",
    es: "Anillo exterior: tiempo usado del máximo permitido",
    fr: "Anneau extérieur : temps utilisé sur le maximum permis",
  },
  ring_tick: {
    en: "Tick on the outer ring: the earliest permitted end",
    de: "Strich am äußeren Ring: frühestes zulässiges Ende",
    es: "Marca en el anillo exterior: fin más temprano permitido",
    fr: "Trait sur l'anneau extérieur : fin la plus précoce permise",
  },
  value_old: {
    en: "Grey value: older than 7 s",
    de: "Grauer Wert: älter als 7 s",
    es: "Valor gris: con más de 7 s",
    fr: "Valeur grise : plus de 7 s",
  },
  value_dead: {
    en: "Struck-through value: older than 15 s, not valid any more",
    de: "Durchgestrichener Wert: älter als 15 s, nicht mehr gültig",
    es: "Valor tachado: con más de 15 s, ya no es válido",
    fr: "Valeur barrée : plus de 15 s, plus valable",
  },
  sign_ok: {
    en: "Vital sign within its limits",
    de: "Vitalzeichen innerhalb der Grenzen",
    es: "Constante vital dentro de los límites",
    fr: "Constante vitale dans les limites",
  },
  sign_warning: {
    en: "Vital sign outside its warning limits",
    de: "Vitalzeichen außerhalb der Warngrenzen",
    es: "Constante vital fuera de los límites de aviso",
    fr: "Constante vitale hors des limites d'avertissement",
  },
  sign_critical: {
    en: "Vital sign outside its critical limits",
    de: "Vitalzeichen außerhalb der kritischen Grenzen",
    es: "Constante vital fuera de los límites críticos",
    fr: "Constante vitale hors des limites critiques",
  },
  sign_missing: {
    en: "Vital sign missing or too old",
    de: "Vitalzeichen fehlt oder ist zu alt",
    es: "Falta la constante vital o es demasiado antigua",
    fr: "Constante vitale absente ou trop ancienne",
  },
  stop_filled: {
    en: "Stop filled red: the pump may be running",
    de: "Stopp rot gefüllt: Die Pumpe läuft möglicherweise",
    es: "Parar relleno en rojo: la bomba puede estar en marcha",
    fr: "Arrêt rempli de rouge : la pompe fonctionne peut-être",
  },
  stop_outlined: {
    en: "Stop outlined: the pump is stopped, and Stop still works",
    de: "Stopp umrandet: Die Pumpe steht, und Stopp wirkt weiterhin",
    es: "Parar solo con borde: la bomba está parada, y Parar sigue funcionando",
    fr: "Arrêt avec contour seul : la pompe est arrêtée, et Arrêt fonctionne toujours",
  },
  stop_striped: {
    en: "Stop striped: pressed, not confirmed by the pump yet",
    de: "Stopp gestreift: gedrückt, von der Pumpe noch nicht bestätigt",
    es: "Parar a rayas: pulsado, la bomba aún no lo ha confirmado",
    fr: "Arrêt rayé : pressé, pas encore confirmé par la pompe",
  },
  alarm_high: {
    en: "Red, flashing fast: alarm of high priority, act at once",
    de: "Rot, schnell blinkend: Alarm hoher Priorität, sofort handeln",
    es: "Rojo, parpadeo rápido: alarma de prioridad alta, actúe de inmediato",
    fr: "Rouge, clignotement rapide : alarme de haute priorité, agir tout de suite",
  },
  alarm_medium: {
    en: "Yellow, flashing slowly: alarm of medium priority, act soon",
    de: "Gelb, langsam blinkend: Alarm mittlerer Priorität, bald handeln",
    es: "Amarillo, parpadeo lento: alarma de prioridad media, actúe pronto",
    fr: "Jaune, clignotement lent : alarme de priorité moyenne, agir bientôt",
  },
  alarm_low: {
    en: "Cyan, steady: alarm of low priority, take note",
    de: "Cyan, stetig: Alarm niedriger Priorität, zur Kenntnis nehmen",
    es: "Cian, fijo: alarma de prioridad baja, tome nota",
    fr: "Cyan, fixe : alarme de basse priorité, prendre note",
  },
  simulated: {
    en: "Purple: a simulated pump, no real one",
    de: "Violett: eine simulierte Pumpe, keine echte",
    es: "Morado: una bomba simulada, no real",
    fr: "Violet : une pompe simulée, pas une vraie",
  },
} satisfies Record<string, Text>;

/** What each screen is for. */
export const PURPOSE = {
  connecting: {
    en: "This tablet is looking for its gateway. As soon as the gateway answers, the beds appear by themselves. Nothing needs to be touched.",
    de: "Dieses Tablet sucht sein Gateway. Sobald das Gateway antwortet, erscheinen die Betten von selbst. Sie müssen nichts berühren.",
    es: "Esta tableta busca su pasarela. En cuanto la pasarela responda, las camas aparecen solas. No hace falta tocar nada.",
    fr: "Cette tablette cherche sa passerelle. Dès que la passerelle répond, les lits apparaissent d'eux-mêmes. Il n'y a rien à toucher.",
  },
  pair: {
    en: "Here a tablet is made known to a gateway. A person at the gateway begins, and this tablet then shows six digits to be typed there. This is done once for each tablet.",
    de: "Hier wird ein Tablet einem Gateway bekannt gemacht. Eine Person am Gateway beginnt, und dieses Tablet zeigt dann sechs Ziffern, die dort eingegeben werden. Das geschieht einmal für jedes Tablet.",
    es: "Aquí se da a conocer una tableta a una pasarela. Una persona en la pasarela empieza, y esta tableta muestra seis cifras que se escriben allí. Se hace una vez por tableta.",
    fr: "Ici, une tablette est présentée à une passerelle. Une personne à la passerelle commence, puis cette tablette affiche six chiffres à y saisir. Cela se fait une fois par tablette.",
  },
  beds: {
    en: "This screen shows every pump of the gateway with its infusion and its alarms. Touch a card to open that bed. Each bed has a Stop of its own.",
    de: "Diese Ansicht zeigt jede Pumpe des Gateways mit ihrer Infusion und ihren Alarmen. Berühren Sie eine Karte, um das Bett zu öffnen. Jedes Bett hat sein eigenes Stopp.",
    es: "Esta pantalla muestra cada bomba de la pasarela con su infusión y sus alarmas. Toque una tarjeta para abrir esa cama. Cada cama tiene su propio botón de parada.",
    fr: "Cet écran montre chaque pompe de la passerelle avec sa perfusion et ses alarmes. Touchez une carte pour ouvrir ce lit. Chaque lit a son propre bouton d'arrêt.",
  },
  sign_in: {
    en: "Here you show who you are, with your badge and your PIN. What you order, start or pause is recorded under your name. After three minutes without a touch you are signed out.",
    de: "Hier weisen Sie sich mit Ausweis und PIN aus. Was Sie verordnen, starten oder pausieren, wird unter Ihrem Namen festgehalten. Nach drei Minuten ohne Berührung werden Sie abgemeldet.",
    es: "Aquí se identifica con su tarjeta y su PIN. Lo que prescriba, inicie o pause queda registrado con su nombre. Tras tres minutos sin tocar la pantalla se cierra su sesión.",
    fr: "Ici, vous vous identifiez avec votre badge et votre code PIN. Ce que vous prescrivez, démarrez ou mettez en pause est enregistré à votre nom. Après trois minutes sans toucher l'écran, vous êtes déconnecté.",
  },
  idle: {
    en: "No infusion runs on this bed. From here you associate a patient with the pump, order an infusion or see earlier treatments. Below you see what is known about the pump.",
    de: "An diesem Bett läuft keine Infusion. Von hier aus ordnen Sie der Pumpe einen Patienten zu, verordnen eine Infusion oder sehen frühere Behandlungen. Darunter sehen Sie, was über die Pumpe bekannt ist.",
    es: "En esta cama no hay ninguna infusión en curso. Desde aquí asocia un paciente a la bomba, prescribe una infusión o ve tratamientos anteriores. Debajo ve lo que se sabe de la bomba.",
    fr: "Aucune perfusion n'est en cours à ce lit. D'ici, vous associez un patient à la pompe, prescrivez une perfusion ou voyez les traitements antérieurs. En dessous, vous voyez ce que l'on sait de la pompe.",
  },
  order: {
    en: "Here you order an infusion for the patient of this pump. Below each field you see what is permitted, and beside them what the pump would do. Nothing flows until the program was checked and started.",
    de: "Hier verordnen Sie eine Infusion für den Patienten dieser Pumpe. Unter jedem Feld sehen Sie, was zulässig ist, und daneben, was die Pumpe tun würde. Nichts fließt, bevor das Programm geprüft und gestartet wurde.",
    es: "Aquí prescribe una infusión para el paciente de esta bomba. Debajo de cada campo ve lo permitido, y al lado lo que haría la bomba. Nada fluye hasta que el programa se ha comprobado e iniciado.",
    fr: "Ici, vous prescrivez une perfusion pour le patient de cette pompe. Sous chaque champ, vous voyez ce qui est permis, et à côté ce que ferait la pompe. Rien ne s’écoule avant que le programme soit vérifié et démarré.",
  },
  rest: {
    en: "Here you order the rest of an interrupted treatment. It is never more than what is left, and never faster than before. It is checked and started like any other infusion.",
    de: "Hier verordnen Sie den Rest einer unterbrochenen Behandlung. Er ist nie mehr als das, was übrig ist, und nie schneller als zuvor. Er wird geprüft und gestartet wie jede andere Infusion.",
    es: "Aquí prescribe el resto de un tratamiento interrumpido. Nunca es más de lo que queda, ni más rápido que antes. Se comprueba y se inicia como cualquier otra infusión.",
    fr: "Ici, vous prescrivez le reste d'un traitement interrompu. Ce n'est jamais plus que ce qui reste, ni plus rapide qu'avant. Il est vérifié et démarré comme toute autre perfusion.",
  },
  course: {
    en: "This screen shows what this patient was given so far and what comes next. A course of infusions can be ordered here, and how it worked is recorded here. Two people together correct a wrong date.",
    de: "Diese Ansicht zeigt, was dieser Patient bisher erhalten hat und was als Nächstes folgt. Hier lässt sich eine Infusionsserie verordnen, und hier wird festgehalten, wie sie gewirkt hat. Ein falsches Datum berichtigen zwei Personen gemeinsam.",
    es: "Esta pantalla muestra lo que este paciente ha recibido hasta ahora y lo que sigue. Aquí se puede prescribir un ciclo de infusiones y se registra su efecto. Dos personas juntas corrigen una fecha errónea.",
    fr: "Cet écran montre ce que ce patient a reçu jusqu'ici et ce qui suit. Une série de perfusions peut être prescrite ici, et son effet y est enregistré. Deux personnes corrigent ensemble une date fausse.",
  },
  preparing: {
    en: "The order is being loaded into the pump and read back from it. Nothing flows yet. When it is done, the program appears by itself for checking.",
    de: "Die Verordnung wird in die Pumpe geladen und von ihr zurückgelesen. Noch fließt nichts. Danach erscheint das Programm von selbst zur Prüfung.",
    es: "La prescripción se carga en la bomba y se vuelve a leer de ella. Todavía no fluye nada. Después el programa aparece solo para comprobarlo.",
    fr: "La prescription est chargée dans la pompe et relue. Rien ne s’écoule encore. Ensuite, le programme apparaît de lui-même pour vérification.",
  },
  review: {
    en: "Here you compare the program, as read back from the pump, with the prescription, the container and the patient. Scan the wristband, then hold the button until it is full. Only then does the infusion start.",
    de: "Hier vergleichen Sie das aus der Pumpe zurückgelesene Programm mit der Verordnung, dem Behälter und dem Patienten. Scannen Sie das Patientenarmband und halten Sie dann die Taste, bis sie voll ist. Erst dann startet die Infusion.",
    es: "Aquí compara el programa, leído de la bomba, con la prescripción, el recipiente y el paciente. Escanee la pulsera y mantenga pulsado el botón hasta que se llene. Solo entonces empieza la infusión.",
    fr: "Ici, vous comparez le programme relu de la pompe avec la prescription, le contenant et le patient. Scannez le bracelet, puis maintenez le bouton jusqu'à ce qu'il soit plein. Alors seulement la perfusion démarre.",
  },
  running: {
    en: "The infusion runs. The rings show how much was given and how much of the time is used. Pause interrupts it, Stop ends it.",
    de: "Die Infusion läuft. Die Ringe zeigen, wie viel gegeben wurde und wie viel der Zeit verbraucht ist. Pause unterbricht sie, Stopp beendet sie.",
    es: "La infusión está en curso. Los anillos muestran cuánto se ha administrado y cuánto tiempo se ha usado. Pausar la interrumpe, Parar la termina.",
    fr: "La perfusion est en cours. Les anneaux montrent le volume administré et le temps écoulé. Pause l'interrompt, Arrêt y met fin.",
  },
  paused: {
    en: "The infusion is paused and nothing flows. The screen shows how much time is left for this pause. To continue, touch Resume, check the program and hold the button.",
    de: "Die Infusion ist pausiert, es fließt nichts. Die Ansicht zeigt, wie viel Zeit für diese Pause bleibt. Um fortzufahren, tippen Sie auf Fortsetzen, prüfen Sie das Programm und halten Sie die Taste.",
    es: "La infusión está en pausa y no fluye nada. La pantalla muestra cuánto tiempo queda de esta pausa. Para continuar, toque Reanudar, compruebe el programa y mantenga pulsado el botón.",
    fr: "La perfusion est en pause et rien ne s’écoule. L'écran montre le temps qui reste pour cette pause. Pour continuer, touchez Reprendre, vérifiez le programme et maintenez le bouton.",
  },
  tripped: {
    en: "An alarm stopped the infusion; nothing flows. The screen shows the cause and what to do about it. Afterwards you clear the alarm.",
    de: "Ein Alarm hat die Infusion gestoppt; es fließt nichts. Die Ansicht zeigt die Ursache und was zu tun ist. Danach setzen Sie den Alarm zurück.",
    es: "Una alarma ha detenido la infusión; no fluye nada. La pantalla muestra la causa y qué hacer. Después borre la alarma.",
    fr: "Une alarme a arrêté la perfusion ; rien ne s’écoule. L'écran montre la cause et ce qu'il faut faire. Ensuite, effacez l'alarme.",
  },
  uncertain: {
    en: "It is not known whether the pump runs, or how much was given. Only a person at the pump can see that. Stop it there, clamp the line and enter here what the pump shows.",
    de: "Es ist nicht bekannt, ob die Pumpe läuft oder wie viel gegeben wurde. Nur eine Person an der Pumpe kann das sehen. Stoppen Sie sie dort, klemmen Sie die Leitung ab und geben Sie hier ein, was die Pumpe zeigt.",
    es: "No se sabe si la bomba funciona ni cuánto se ha administrado. Solo una persona junto a la bomba puede verlo. Deténgala allí, pince la línea y escriba aquí lo que muestra la bomba.",
    fr: "On ne sait pas si la pompe fonctionne, ni quel volume a été administré. Seule une personne à la pompe peut le voir. Arrêtez-la sur place, clampez la ligne et saisissez ici ce que la pompe affiche.",
  },
  ended: {
    en: "The infusion is over, and the screen shows what was given. During the observation you record the patient's vital signs. It ends when its time is up, or earlier with a reason.",
    de: "Die Infusion ist beendet, und die Ansicht zeigt, was gegeben wurde. Während der Überwachung tragen Sie die Vitalzeichen des Patienten ein. Sie endet nach Ablauf der Zeit oder früher mit Begründung.",
    es: "La infusión ha terminado, y la pantalla muestra lo administrado. Durante la observación registra las constantes vitales del paciente. Termina cuando se acaba su tiempo, o antes con un motivo.",
    fr: "La perfusion est terminée, et l'écran montre ce qui a été administré. Pendant la surveillance, vous enregistrez les constantes vitales du patient. Elle prend fin à l'heure prévue, ou plus tôt avec un motif.",
  },
  bench: {
    en: "This is the engineer's panel of simulated pumps. It shows the true and the read values and the bytes on the line. Faults and speed are changed here.",
    de: "Dies ist das Technikfeld simulierter Pumpen. Es zeigt die wahren und die gelesenen Werte und die Bytes auf der Leitung. Hier werden Fehler und Geschwindigkeit geändert.",
    es: "Este es el panel técnico de las bombas simuladas. Muestra los valores reales y los leídos y los bytes de la línea. Aquí se cambian los fallos y la velocidad.",
    fr: "C'est le panneau technique des pompes simulées. Il montre les valeurs vraies et lues ainsi que les octets sur la ligne. Les défauts et la vitesse se changent ici.",
  },
} satisfies Record<string, Text>;

/** What to do on that screen if nothing happens there. */
export const STUCK = {
  connecting: {
    en: "If it takes longer than a minute, go to the pump: it works without the tablet. Then check the tablet's wireless network.",
    de: "Dauert es länger als eine Minute, gehen Sie zur Pumpe: Sie arbeitet ohne das Tablet. Prüfen Sie danach das WLAN des Tablets.",
    es: "Si tarda más de un minuto, vaya a la bomba: funciona sin la tableta. Después compruebe la red inalámbrica de la tableta.",
    fr: "Si cela dure plus d'une minute, allez à la pompe : elle fonctionne sans la tablette. Vérifiez ensuite le réseau sans fil de la tablette.",
  },
  pair: {
    en: "A pairing word is good for one try within two minutes. Begin again at the gateway and use the new word.",
    de: "Ein Kopplungswort gilt für einen Versuch innerhalb von zwei Minuten. Beginnen Sie am Gateway neu und verwenden Sie das neue Wort.",
    es: "Una palabra de emparejamiento vale para un intento en dos minutos. Empiece de nuevo en la pasarela y use la palabra nueva.",
    fr: "Un mot d'appairage vaut pour un essai pendant deux minutes. Recommencez à la passerelle et utilisez le nouveau mot.",
  },
  beds: {
    en: "Grey or struck-through values are old: go to that pump. If a bed is missing here, ask the person who runs the gateway.",
    de: "Graue oder durchgestrichene Werte sind alt: Gehen Sie zu dieser Pumpe. Fehlt hier ein Bett, fragen Sie die Person, die das Gateway betreut.",
    es: "Los valores grises o tachados son antiguos: vaya a esa bomba. Si falta una cama, pregunte a quien administra la pasarela.",
    fr: "Les valeurs grises ou barrées sont anciennes : allez à cette pompe. S'il manque un lit, demandez à la personne qui gère la passerelle.",
  },
  sign_in: {
    en: "If the PIN is refused, check the badge number first. After five wrong PINs you must wait. Stop works without signing in.",
    de: "Wird die PIN abgelehnt, prüfen Sie zuerst die Ausweisnummer. Nach fünf falschen PINs müssen Sie warten. Stopp wirkt ohne Anmeldung.",
    es: "Si se rechaza el PIN, compruebe primero el número de tarjeta. Tras cinco PIN erróneos hay que esperar. Parar funciona sin iniciar sesión.",
    fr: "Si le code PIN est refusé, vérifiez d'abord le numéro de badge. Après cinq codes faux, il faut attendre. Arrêt fonctionne sans connexion.",
  },
  idle: {
    en: "If ordering is not offered, sign in as a person who may prescribe. If the pump is not available, the red box gives the reason.",
    de: "Wird das Verordnen nicht angeboten, melden Sie sich als Person mit Verordnungsrecht an. Ist die Pumpe nicht verfügbar, nennt das rote Feld den Grund.",
    es: "Si no se ofrece prescribir, inicie sesión como persona que puede prescribir. Si la bomba no está disponible, el recuadro rojo da el motivo.",
    fr: "Si la prescription n'est pas proposée, connectez-vous comme personne habilitée à prescrire. Si la pompe n'est pas disponible, le cadre rouge en donne la raison.",
  },
  order: {
    en: "If the button stays grey, a field is missing or refused: look for the red texts. A dose outside the hard limits cannot be ordered; ask the prescriber.",
    de: "Bleibt die Taste grau, fehlt ein Feld oder es wurde abgelehnt: Suchen Sie die roten Texte. Eine Dosis außerhalb der harten Grenzen kann nicht verordnet werden; fragen Sie die verordnende Person.",
    es: "Si el botón sigue gris, falta un campo o se ha rechazado: busque los textos rojos. Una dosis fuera de los límites absolutos no se puede prescribir; pregunte a quien prescribe.",
    fr: "Si le bouton reste gris, un champ manque ou est refusé : cherchez les textes rouges. Une dose hors des limites absolues ne peut pas être prescrite ; demandez au prescripteur.",
  },
  rest: {
    en: "If the rest is refused, the red text gives the reason. When the time for the rest is over, a new order is needed.",
    de: "Wird der Rest abgelehnt, nennt der rote Text den Grund. Ist die Zeit für den Rest abgelaufen, ist eine neue Verordnung nötig.",
    es: "Si se rechaza el resto, el texto rojo da el motivo. Cuando se acaba el tiempo para el resto, hace falta una nueva prescripción.",
    fr: "Si le reste est refusé, le texte rouge en donne la raison. Quand le délai pour le reste est passé, il faut une nouvelle prescription.",
  },
  course: {
    en: "If nothing is shown, associate the patient with the pump first. If ordering is not offered, sign in as a person who may prescribe.",
    de: "Wird nichts angezeigt, ordnen Sie zuerst den Patienten der Pumpe zu. Wird das Verordnen nicht angeboten, melden Sie sich als Person mit Verordnungsrecht an.",
    es: "Si no se muestra nada, asocie primero el paciente a la bomba. Si no se ofrece prescribir, inicie sesión como persona que puede prescribir.",
    fr: "Si rien n'est affiché, associez d'abord le patient à la pompe. Si la prescription n'est pas proposée, connectez-vous comme personne habilitée à prescrire.",
  },
  preparing: {
    en: "If it takes longer than a minute, check the pump's display and the alarms. Stop ends the order; nothing has flowed.",
    de: "Dauert es länger als eine Minute, sehen Sie auf die Anzeige der Pumpe und auf die Alarme. Stopp beendet die Verordnung; es ist nichts geflossen.",
    es: "Si tarda más de un minuto, mire la pantalla de la bomba y las alarmas. Parar termina la prescripción; no se ha administrado nada.",
    fr: "Si cela dure plus d'une minute, regardez l'écran de la pompe et les alarmes. Arrêt met fin à la prescription ; rien n'a été administré.",
  },
  review: {
    en: "If the button is grey, it says why. The wristband of another patient starts nothing: check the patient and the pump. If the program is wrong, press Stop and order again.",
    de: "Ist die Taste grau, steht dort der Grund. Das Armband eines anderen Patienten startet nichts: Prüfen Sie Patient und Pumpe. Ist das Programm falsch, drücken Sie Stopp und verordnen Sie neu.",
    es: "Si el botón está gris, dice por qué. La pulsera de otro paciente no inicia nada: compruebe el paciente y la bomba. Si el programa es erróneo, pulse Parar y prescriba de nuevo.",
    fr: "Si le bouton est gris, il dit pourquoi. Le bracelet d'un autre patient ne démarre rien : vérifiez le patient et la pompe. Si le programme est faux, appuyez sur Arrêt et prescrivez à nouveau.",
  },
  running: {
    en: "Values that are grey or struck through are old: go to the pump. With an alarm, follow the steps that it shows.",
    de: "Graue oder durchgestrichene Werte sind alt: Gehen Sie zur Pumpe. Folgen Sie bei einem Alarm den Schritten, die er zeigt.",
    es: "Los valores grises o tachados son antiguos: vaya a la bomba. Con una alarma, siga los pasos que muestra.",
    fr: "Les valeurs grises ou barrées sont anciennes : allez à la pompe. En cas d'alarme, suivez les étapes affichées.",
  },
  paused: {
    en: "When the time of the pause is over, this infusion cannot continue. What is left may then be ordered as the rest.",
    de: "Ist die Zeit der Pause abgelaufen, kann diese Infusion nicht fortgesetzt werden. Was übrig ist, lässt sich dann als Rest verordnen.",
    es: "Cuando se acaba el tiempo de la pausa, esta infusión no puede continuar. Lo que queda se puede prescribir entonces como resto.",
    fr: "Quand le temps de la pause est passé, cette perfusion ne peut pas continuer. Ce qui reste peut alors être prescrit comme reste.",
  },
  tripped: {
    en: "If the alarm returns, check the pump and the line. If you are not sure, clamp the line and get help.",
    de: "Kehrt der Alarm zurück, prüfen Sie die Pumpe und die Leitung. Sind Sie nicht sicher, klemmen Sie die Leitung ab und holen Sie Hilfe.",
    es: "Si la alarma vuelve, revise la bomba y la línea. Si no está seguro, pince la línea y pida ayuda.",
    fr: "Si l'alarme revient, regardez la pompe et la ligne. En cas de doute, clampez la ligne et demandez de l'aide.",
  },
  uncertain: {
    en: "If the pump shows no volume, leave the line clamped and get help. Until the volume is entered, the highest possible volume counts as given.",
    de: "Zeigt die Pumpe kein Volumen, lassen Sie die Leitung abgeklemmt und holen Sie Hilfe. Bis das Volumen eingegeben ist, gilt das höchstmögliche Volumen als gegeben.",
    es: "Si la bomba no muestra ningún volumen, deje la línea pinzada y pida ayuda. Hasta que se escriba el volumen, cuenta como administrado el mayor posible.",
    fr: "Si la pompe n'affiche aucun volume, laissez la ligne clampée et demandez de l'aide. Tant que le volume n'est pas saisi, le plus grand volume possible compte comme administré.",
  },
  ended: {
    en: "If something is left, it can be ordered here as the rest while its time lasts. If a button is missing, sign in.",
    de: "Ist etwas übrig, kann es hier als Rest verordnet werden, solange die Frist läuft. Fehlt eine Taste, melden Sie sich an.",
    es: "Si queda algo, se puede prescribir aquí como resto mientras dure su plazo. Si falta un botón, inicie sesión.",
    fr: "S'il reste quelque chose, cela peut être prescrit ici comme reste tant que le délai court. S'il manque un bouton, connectez-vous.",
  },
  bench: {
    en: "The tablet and the person signed in both need the role “maintain”. Switch every fault off before you leave.",
    de: "Das Tablet und die angemeldete Person brauchen beide die Rolle „maintain“. Schalten Sie jeden Fehler aus, bevor Sie gehen.",
    es: "La tableta y la persona con la sesión abierta necesitan la función «maintain». Desactive todos los fallos antes de irse.",
    fr: "La tablette et la personne connectée doivent avoir le rôle « maintain ». Désactivez tous les défauts avant de partir.",
  },
} satisfies Record<string, Text>;
