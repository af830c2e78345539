"""What tablets need: a certificate, a paired key, and people who may sign in."""

import ipaddress
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from pumpd.doctor.configuration import NO_SETTINGS
from pumpd.doctor.facts import Facts
from pumpd.doctor.line import Finding, Group, bad, line, not_checked, ok, problem, warning
from pumpd.messages.keys import PairedKey
from pumpd.messages.state import CERTIFICATE_ENDING
from pumpd.settings import Settings

NO_TABLETS = "this gateway serves no tablets"
PUBLIC = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _not_served(facts: Facts) -> Finding | None:
    if facts.settings is None:
        return not_checked(NO_SETTINGS)
    return not_checked(NO_TABLETS) if facts.settings.bedside is None else None


def certificate_files(settings: Settings) -> tuple[Path, Path]:
    """The server's certificate and its key: the site's own, or those of `pumpd tls`."""
    bedside = settings.bedside
    own = None if bedside is None else bedside.tls_cert
    key = None if bedside is None else bedside.tls_key
    return own or settings.tls_dir / "gateway.pem", key or settings.tls_dir / "gateway.key"


def _chain(facts: Facts) -> list[x509.Certificate]:
    """The server's certificate, then those above it. Raises OSError and ValueError."""
    assert facts.settings is not None  # the caller has checked
    place = facts.machine.at(certificate_files(facts.settings)[0])
    return x509.load_pem_x509_certificates(place.read_bytes())


@line(
    "tls.certificate",
    "Tablets' certificate",
    when="it is missing, does not match its key, lacks a configured name, is not signed by its authority, has ended "
    "(red), or ends within 30 days (yellow): browsers then refuse the page",
    to_do="Run `pumpd tls` and restart bedside; a site with its own authority renews its certificate there.",
)
def _certificate(facts: Facts) -> Iterator[Finding]:
    if (none := _not_served(facts)) is not None or facts.settings is None:
        yield none or not_checked(NO_SETTINGS)
        return
    try:
        chain = _chain(facts)
    except FileNotFoundError:
        yield problem(f"there is none: {certificate_files(facts.settings)[0]}")
        return
    except (OSError, ValueError) as error:
        if isinstance(error, PermissionError):
            raise
        yield problem(f"{certificate_files(facts.settings)[0]}: {error}")
        return
    found = [*validity(chain[0], facts.now, "it"), *_of_names(chain[0], facts.settings), *_above(chain, facts.now)]
    yield from found or [ok(f"until {chain[0].not_valid_after_utc:%Y-%m-%d}, for {', '.join(_names(chain[0]))}")]


def validity(certificate: x509.Certificate, now: datetime, what: str) -> Iterator[Finding]:
    """What is wrong with the time of a certificate; nothing when it is good."""
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < begins:
        yield problem(f"{what} is valid only from {begins:%Y-%m-%d} on; the clock may be wrong")
    elif now >= ends:
        yield problem(f"{what} ended on {ends:%Y-%m-%d}")
    elif ends - now <= CERTIFICATE_ENDING:
        yield warning(f"{what} ends on {ends:%Y-%m-%d}")


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(each.value) for each in names]


def _of_names(certificate: x509.Certificate, settings: Settings) -> Iterator[Finding]:
    assert settings.bedside is not None  # the caller has checked
    held = {_plain(each) for each in _names(certificate)}
    if missing := [name for name in settings.bedside.names if _plain(name) not in held]:
        yield problem(f"it does not hold {', '.join(missing)}, which `bedside.names` lists")


def _plain(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name.casefold()


def _above(chain: list[x509.Certificate], now: datetime) -> Iterator[Finding]:
    """The authority, where it is in the same file, as `pumpd tls` writes it."""
    if len(chain) < 2:
        return
    yield from validity(chain[1], now, "its authority")
    try:
        chain[0].verify_directly_issued_by(chain[1])
    except (ValueError, TypeError, InvalidSignature):
        yield problem("it is not signed by the authority in the same file")


@line(
    "tls.key",
    "Certificate's key",
    when="it is missing, or belongs to another certificate: bedside does not start",
    to_do="Run `pumpd tls` and restart bedside.",
)
def _key(facts: Facts) -> Iterator[Finding]:
    if (none := _not_served(facts)) is not None or facts.settings is None:
        yield none or not_checked(NO_SETTINGS)
        return
    file = certificate_files(facts.settings)[1]
    try:
        key = serialization.load_pem_private_key(facts.machine.at(file).read_bytes(), None)
        if not facts.machine.at(certificate_files(facts.settings)[0]).exists():
            yield not_checked("there is no certificate to compare it with")
            return
        public = _chain(facts)[0].public_key().public_bytes(*PUBLIC)
    except PermissionError:
        raise
    except FileNotFoundError:
        yield problem(f"there is no {file}")
        return
    except (OSError, ValueError, TypeError) as error:
        yield problem(f"{file}: {error}")
        return
    same = key.public_key().public_bytes(*PUBLIC) == public
    yield ok("it belongs to the certificate") if same else problem(f"{file} does not belong to the certificate")


@line(
    "tls.served",
    "Certificate that is served",
    when="bedside still serves an older certificate than the one on the disk",
    to_do="Restart bedside: `systemctl restart pumpd-bedside`. An infusion is not affected.",
)
def _served(facts: Facts) -> Iterator[Finding]:
    if (none := _not_served(facts)) is not None:
        yield none
        return
    served = (facts.control.status or {}).get("certificate")
    if served is None:
        yield not_checked("bedside has not reported it")
        return
    try:
        own = _chain(facts)[0].not_valid_after_utc
    except PermissionError:
        raise
    except (OSError, ValueError):
        yield not_checked("the certificate cannot be read")
        return
    until = datetime.fromisoformat(served["until_ts"])
    shown = f"until {until:%Y-%m-%d}"
    yield ok(shown) if until == own else warning(f"{shown}, and the one on the disk until {own:%Y-%m-%d}")


@line(
    "tablets.paired",
    "Paired tablets",
    when="the gateway serves tablets and none is paired",
    to_do="Pair one: `pumpd pair` (docs/how-to/tablet.md).",
    outside=True,
)
def _paired(facts: Facts) -> Iterator[Finding]:
    if (none := _not_served(facts)) is not None or facts.settings is None:
        yield none or not_checked(NO_SETTINGS)
        return
    try:
        keys = [PairedKey.of(each) for each in _entries(facts, facts.settings.keys_path)]
    except (ValueError, TypeError, KeyError) as error:
        yield problem(f"{facts.settings.keys_path} cannot be used: {error}", "Restore it from a backup, or pair again.")
        return
    paired = sum(key.kind == "tablet" for key in keys)
    status = facts.control.status
    connected = "" if status is None else f", {status.get('tablets_connected', 0)} connected now"
    yield ok(f"{paired} paired{connected}") if paired else warning("none")


@line(
    "tablets.staff",
    "Staff",
    when="the gateway serves tablets and no one may sign in",
    to_do="Add people: `pumpd staff add` (docs/how-to/tablet.md).",
    outside=True,
)
def _staff(facts: Facts) -> Iterator[Finding]:
    if (none := _not_served(facts)) is not None or facts.settings is None:
        yield none or not_checked(NO_SETTINGS)
        return
    try:
        people = _entries(facts, facts.settings.staff_path)
    except ValueError as error:
        yield problem(f"{facts.settings.staff_path} cannot be used: {error}", "Restore it from a backup, or add them.")
        return
    confirming = sum("confirm" in each.get("roles", ()) for each in people)
    if not people:
        yield warning("no one may sign in")
    elif not confirming:
        yield bad(facts, "none of them may confirm a start")
    else:
        yield ok(f"{len(people)} may sign in, {confirming} may confirm a start")


def _entries(facts: Facts, path: Path) -> list[dict[str, Any]]:
    """The entries of one of control's files; none when there is no file. Raises PermissionError, ValueError."""
    text = facts.machine.text(path)
    if text is None:
        return []
    found = json.loads(text)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ValueError("not a list of entries")
    return found


GROUP = Group("Tablets", (_certificate, _key, _served, _paired, _staff))
