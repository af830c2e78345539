"""Secrets in plain files that any user of the machine can read: refused where a pump is real (SEC-23)."""

import stat
from collections.abc import Iterator
from pathlib import Path

from pumpd.settings import Settings


def open_secrets(settings: Settings) -> list[str]:
    """Why these secrets and these real pumps may not be together; empty if none is open, or no pump is real.

    A file that is not there, or that this user may not see, is not open.
    """
    if not (real := settings.real_pumps):
        return []
    return [
        f"{key}: every user of this machine can read {path}, and a pump is real ({', '.join(real)}); "
        f"run `chmod o-rwx {path}`"
        for key, path in _secrets(settings)
        if _open(path)
    ]


def _secrets(settings: Settings) -> Iterator[tuple[str, Path]]:
    monitors = settings.vitals.broker if settings.vitals else None
    brokers = {"mqtt": settings.mqtt, "fleet": settings.fleet, "vitals.broker": monitors}
    for section, broker in brokers.items():
        if broker is not None:
            given = {"password_file": broker.password_file, "client_key": broker.client_key}
            yield from ((f"{section}.{name}", path) for name, path in given.items() if path is not None)
    if settings.bedside is not None and settings.bedside.tls_key is not None:
        yield "bedside.tls_key", settings.bedside.tls_key


def _open(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IRWXO)
    except OSError:
        return False
