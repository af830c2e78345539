"""Whether the pump on a port is the one that is configured there (COM-10), and whether it can show that (COM-15)."""

from pumpd.pump import DriverFamily, Identity, Mark, mark_of
from pumpd.settings import PumpSettings
from pumpd.texts import named, text


def wrong_pump(settings: PumpSettings, identity: Identity) -> str:
    """How the pump on the port differs from the configured one; empty when it does not."""
    reasons: list[str] = []
    if identity.model.casefold() != settings.model.casefold():
        reasons.append(
            text(
                "identity.model",
                "model {found} where {configured} is configured",
                found=identity.model,
                configured=settings.model,
            )
        )
    if identity.serial is not None and identity.serial != settings.serial:
        reasons.append(
            text(
                "identity.serial",
                "serial {found} where {configured} is configured",
                found=identity.serial,
                configured=settings.serial,
            )
        )
    return (
        text("identity.another", "another pump on {port}: {reasons}", port=settings.port, reasons=named(reasons))
        if reasons
        else ""
    )


def proof(family: type[DriverFamily], settings: PumpSettings, identity: Identity) -> Mark | None:
    """The mark by which a pump of the right kind has just proved which one it is; None when it has not."""
    mark = mark_of(family, settings.settings)
    return None if mark is Mark.SERIAL and identity.serial is None else mark
