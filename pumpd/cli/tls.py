"""`pumpd tls`: the certificate by which tablets know this gateway."""

import ipaddress
import os
import socket
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from pumpd.bedside.certificates import CertificateError, make
from pumpd.cli.client import CONFIG, Config, Json, NoAnswerError, asked, fail, load_settings, refuse
from pumpd.cli.terminal import say, say_json
from pumpd.host.units import BEDSIDE
from pumpd.messages.requests import StatusRequest
from pumpd.settings import Settings
from pumpd.settings_file import DEFAULT_PATH


def tls(
    *,
    name: Annotated[list[str] | None, typer.Option(help="A name or address of this gateway; may be repeated.")] = None,
    new_authority: Annotated[bool, typer.Option(help="Also a new authority: each tablet must trust it again.")] = False,
    config: Config = CONFIG,
    as_json: Json = False,
) -> None:
    """Make the certificate for tablets, and the authority that signs it. Repeat it to renew. A site may use its own."""
    settings = load_settings(config, as_json=as_json)
    bedside = settings.bedside
    if bedside is not None and bedside.tls_cert is not None:
        refuse([f"bedside.tls_cert: the site's own certificate is configured, {bedside.tls_cert}"], as_json=as_json)
    wanted = name or (bedside.names if bedside else ())
    found = [] if name else own_names()
    try:
        made = make(settings.tls_dir, settings.gateway, wanted, found=found, new_ca=new_authority)
    except CertificateError as error:
        fail(str(error), as_json=as_json)
    in_use = take_into_use(settings, config)
    if as_json:
        shown = {
            "ca": str(made.ca),
            "certificate": str(made.cert),
            "fingerprint_sha256": made.fingerprint,
            "ca_fingerprint_sha256": made.ca_fingerprint,
            "names": list(made.names),
            "until": made.until.isoformat(),
            "new_authority": made.new_ca,
            "left_out": list(made.left_out),
            "in_use": in_use,
        }
        say_json(shown)
        return
    say(f"Certificate {made.cert} for {', '.join(made.names)}, until {made.until:%Y-%m-%d}.")
    say(in_use)
    if made.left_out:
        names = ", ".join(made.left_out)
        say(f"Not for {names}: the authority may not sign for them. `--new-authority` makes one that may.")
    say(f"{'A new authority' if made.new_ca else 'The authority'}: {made.ca}. Install it on each tablet; its SHA-256:")
    say(_in_two_lines(made.ca_fingerprint))
    say("Keep ca.key offline if you can. A renewal needs it.")


def take_into_use(settings: Settings, config: Path) -> str:
    """Have bedside serve the new certificate, and say how. Its unit holds a copy from its start, so it is restarted;
    never while an infusion is under way, because tablets are without the gateway for some seconds.
    """
    if config != DEFAULT_PATH or not _systemctl("is-active", "--quiet", BEDSIDE):
        return "A bedside process that runs serves it within ten seconds, without a restart."
    later = (
        f"Bedside still serves the former one. `sudo systemctl restart {BEDSIDE}` changes that; tablets reconnect by"
    )
    if os.geteuid() != 0:
        return f"{later} themselves."
    try:
        pumps = asked(settings, StatusRequest()).result.get("pumps", [])
    except NoAnswerError:
        pumps = []  # then no tablet shows anything that a restart could interrupt
    busy = [each["pump"] for each in pumps if each["infusion"] is not None and not each["infusion"]["ended"]]
    if busy:
        return f"{later} themselves, so wait until {', '.join(busy)} has ended its infusion."
    if not _systemctl("restart", BEDSIDE):
        return f"Bedside could not be restarted: `systemctl status {BEDSIDE}` says why."
    return "Bedside was restarted and serves it; tablets reconnect by themselves."


def _systemctl(*arguments: str) -> bool:
    try:
        done = subprocess.run(  # noqa: S603  # fixed words
            ["systemctl", *arguments],  # noqa: S607  # of the system
            check=False,
            capture_output=True,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def own_names() -> list[str]:
    """The names and addresses of this machine, as far as it knows them without asking another one."""
    host = socket.gethostname()
    found = [host, *([] if "." in host else [f"{host}.local"]), "localhost", "127.0.0.1"]
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # sends nothing; shows the address that a route would use
            found.append(probe.getsockname()[0])
    except OSError:
        pass
    return [each for each in dict.fromkeys(found) if _usable(each)]


def _usable(name: str) -> bool:
    try:
        return not ipaddress.ip_address(name).is_unspecified
    except ValueError:
        return name.isascii()


def _in_two_lines(fingerprint: str) -> str:
    half = len(fingerprint) // 2 + 1
    return f"  {fingerprint[:half]}\n  {fingerprint[half:]}"
