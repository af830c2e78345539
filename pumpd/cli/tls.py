"""`pumpd tls`: the certificate by which tablets know this gateway."""

import ipaddress
import socket
from typing import Annotated

import typer

from pumpd.bedside.certificates import CertificateError, make
from pumpd.cli.client import CONFIG, Config, Json, fail, load_settings, refuse
from pumpd.cli.terminal import say, say_json


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
        }
        say_json(shown)
        return
    say(f"Certificate {made.cert} for {', '.join(made.names)}, until {made.until:%Y-%m-%d}.")
    if made.left_out:
        names = ", ".join(made.left_out)
        say(f"Not for {names}: the authority may not sign for them. `--new-authority` makes one that may.")
    say(f"{'A new authority' if made.new_ca else 'The authority'}: {made.ca}. Install it on each tablet; its SHA-256:")
    say(_in_two_lines(made.ca_fingerprint))
    say("Restart bedside to serve the new certificate. Keep ca.key offline, or at least readable only by its owner.")


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
