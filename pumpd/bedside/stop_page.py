"""/stop: a page with one button that works without script, for when nothing else works."""

from html import escape

from pumpd.messages.requests import DISCLAIMER

CSS = """:root { color-scheme: light dark; font: 1.25rem/1.4 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 40rem; padding: 1rem; }
button { width: 100%; min-height: 8rem; font-size: 2.5rem; font-weight: 700; color: #fff; background: #a50e0e;
  border: 0.25rem solid currentColor; border-radius: 1rem; }
button:focus-visible { outline: 0.4rem solid #f2a900; }
.outcome { border: 0.2rem solid currentColor; padding: 0.75rem; font-weight: 700; }
"""


def page(gateway: str, *, outcome: str = "", built: bool = True, simulated: bool = False) -> str:
    """The page. `outcome`: the answer to a stop that was just pressed."""
    note = "" if built else "<p>This installation has no tablet page. You can stop the pumps from here.</p>"
    simulation = "<p><strong>SIMULATED</strong></p>" if simulated else ""
    answer = f'<p class="outcome" role="alert">{escape(outcome)}</p>' if outcome else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Stop all pumps: {escape(gateway)}</title>
<link rel="stylesheet" href="/stop.css">
</head>
<body>
<h1>{escape(gateway)}</h1>
{simulation}{note}{answer}
<form method="post" action="/stop"><button type="submit">Stop all pumps</button></form>
<p>If a pump keeps running, stop it at the pump and clamp the line.</p>
<p><small>pumpd is {escape(DISCLAIMER)}.</small></p>
</body>
</html>
"""
