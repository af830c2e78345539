"""Whether the pump on a port is the one that is configured there (COM-10)."""

from pumpd.pump import Identity
from pumpd.settings import PumpSettings


def wrong_pump(settings: PumpSettings, identity: Identity) -> str:
    """How the pump on the port differs from the configured one; empty when it does not."""
    reasons = []
    if identity.model.casefold() != settings.model.casefold():
        reasons.append(f"model {identity.model} where {settings.model} is configured")
    if identity.serial is not None and identity.serial != settings.serial:
        reasons.append(f"serial {identity.serial} where {settings.serial} is configured")
    return f"another pump on {settings.port}: {', '.join(reasons)}" if reasons else ""
