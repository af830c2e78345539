"""The processes of a gateway: which of them a configuration needs, and their units (systemd/)."""

from pathlib import Path

from pumpd.settings import Settings

FOLDERS = (Path("/usr/lib/systemd/system"), Path("/etc/systemd/system"))


def needed(settings: Settings) -> tuple[str, ...]:
    """The processes that this configuration needs. Each unit states the same as its ExecCondition=."""
    others = {
        "bedside": settings.bedside is not None,
        "telemetry": bool(settings.mqtt or settings.fleet or settings.metrics),
        "vitals": settings.vitals is not None and settings.vitals.broker is not None,
    }
    return ("control", *(name for name, wanted in others.items() if wanted))


def unit(process: str) -> str:
    return f"pumpd-{process}.service"


CONTROL, BEDSIDE = unit("control"), unit("bedside")
ALL = (CONTROL, BEDSIDE, unit("telemetry"), unit("vitals"))
