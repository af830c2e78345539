"""/stop: a page with one button that works without script, for when nothing else works. In four languages at once: a
page that nothing else is left of knows no reader.
"""

from collections.abc import Mapping, Sequence
from html import escape

from pumpd.messages.requests import DISCLAIMER
from pumpd.texts import filled

CSS = """:root { color-scheme: light dark; font: 1.25rem/1.4 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 40rem; padding: 1rem; }
button { width: 100%; min-height: 8rem; font-size: 1.75rem; font-weight: 700; color: #fff; background: #a50e0e;
  border: 0.25rem solid currentColor; border-radius: 1rem; }
button b { font-size: 2.5rem; }
button span, button b { display: block; }
button:focus-visible { outline: 0.4rem solid #f2a900; }
.outcome { border: 0.2rem solid currentColor; padding: 0.75rem; font-weight: 700; }
"""

TITLE = {
    "en": "Stop all pumps",
    "de": "Alle Pumpen stoppen",
    "es": "Parar todas las bombas",
    "fr": "Arrêter toutes les pompes",
}
SENT = {
    "en": "Stop sent to {pumps}.",
    "de": "Stopp gesendet an {pumps}.",
    "es": "Parada enviada a {pumps}.",
    "fr": "Arrêt envoyé à {pumps}.",
}
NOT_SENT = {
    "en": "Not stopped from here.",
    "de": "Von hier aus nicht gestoppt.",
    "es": "No se ha parado desde aquí.",
    "fr": "Pas arrêté depuis cette page.",
}
AT_THE_PUMP = {
    "en": "If a pump keeps running, stop it at the pump and clamp the line.",
    "de": "Läuft eine Pumpe weiter, stoppen Sie sie an der Pumpe und klemmen Sie die Leitung ab.",
    "es": "Si una bomba sigue en marcha, párela en la bomba y pince la línea.",
    "fr": "Si une pompe continue, arrêtez-la sur la pompe et clampez la ligne.",
}
NOT_BUILT = "This installation has no tablet page. You can stop the pumps from here."


def sent(pumps: Sequence[str]) -> str:
    """What is shown after a stop to these pumps."""
    return _in_each(SENT, "p", pumps=", ".join(pumps))


def not_sent(why: str) -> str:
    """What is shown after a stop that control did not take."""
    return f"{_in_each(NOT_SENT, 'p')}<p>{escape(why)}</p>"


def page(gateway: str, *, outcome: str = "", built: bool = True, simulated: bool = False) -> str:
    """The page. `outcome`: what `sent` or `not_sent` returned for a stop that was just pressed."""
    note = "" if built else f"<p>{NOT_BUILT}</p>"
    simulation = "<p><strong>SIMULATED</strong></p>" if simulated else ""
    answer = f'<div class="outcome" role="alert">{outcome}</div>' if outcome else ""
    first, *others = TITLE
    button = _marked("b", first, TITLE[first]) + "".join(_marked("span", each, TITLE[each]) for each in others)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{TITLE["en"]}: {escape(gateway)}</title>
<link rel="stylesheet" href="/stop.css">
</head>
<body>
<h1>{escape(gateway)}</h1>
{simulation}{note}{answer}
<form method="post" action="/stop"><button type="submit">{button}</button></form>
{_in_each(AT_THE_PUMP, "p")}
<p><small>pumpd is {escape(DISCLAIMER)}.</small></p>
</body>
</html>
"""


def _in_each(texts: Mapping[str, str], element: str, **holes: str) -> str:
    """The text in each language."""
    return "".join(_marked(element, language, filled(text, holes)) for language, text in texts.items())


def _marked(element: str, language: str, text: str) -> str:
    return f'<{element} lang="{language}">{escape(text)}</{element}>'
