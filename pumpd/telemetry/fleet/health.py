"""How the gateway itself is: version, clock, disk, supply and certificates, as the ward's page shows them."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cryptography import x509

from pumpd.host.clock import read_kernel
from pumpd.host.supply import read_supply
from pumpd.settings import Settings

_MB = 1_000_000


def health(settings: Settings) -> dict[str, Any]:
    """Reads files of the kernel and certificates: call it in a thread. What cannot be read is left out."""
    return {
        "ts": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "version": version("pumpd"),
        "pumps": [
            {"name": pump.name, "driver": pump.driver, "model": pump.model, "simulated": pump.simulated}
            for pump in settings.pumps
        ],
        "clock_synchronized": read_kernel().synchronized,
        **_disk(settings.state_dir),
        **_supply(settings),
        "certificates": dict(_certificates(settings)),
    }


def _disk(folder: Path) -> dict[str, int]:
    try:
        space = shutil.disk_usage(folder)
    except OSError:
        return {}
    return {"disk_free_mb": space.free // _MB, "disk_mb": space.total // _MB}


def _supply(settings: Settings) -> dict[str, Any]:
    watched = settings.supply_watched
    supply = read_supply(watched.sysfs, watched.full_minutes) if watched else None
    if supply is None:
        return {}
    return {"supply": supply.source.value, "supply_left_s": supply.left_s, "under_voltage": supply.under_voltage}


def _certificates(settings: Settings) -> Iterator[tuple[str, str]]:
    """When each certificate ends that this process can read: those with which it identifies itself, and bedside's."""
    bedside = settings.bedside.tls_cert if settings.bedside else None
    files = {
        "fleet": settings.fleet.client_cert if settings.fleet else None,
        "mqtt": settings.mqtt.client_cert if settings.mqtt else None,
        "bedside": bedside,
    }
    for name, path in files.items():
        if path is None:
            continue
        try:
            ends = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
        except (OSError, ValueError):
            continue
        yield name, ends.isoformat(timespec="seconds")
