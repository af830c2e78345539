"""What the demo plays, as it was asked for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Script:
    """What is played. With a `tablet_host`, tablets are served there. `monitor`: the faults of a bedside monitor; None:
    there is no monitor.
    """

    speed: int
    faults: tuple[str, ...] = ()
    seed: int = 1
    tablet_host: str = ""
    tablet_port: int = 0
    monitor: tuple[str, ...] | None = None
