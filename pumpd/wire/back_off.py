"""The pauses between tries to open a port that was lost."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BackOff:
    """Pauses between tries to open a lost port: `first_s`, doubled up to `cap_s`, each shortened by up to half."""

    first_s: float = 0.25
    cap_s: float = 10.0

    def pause(self, tries: int, chance: random.Random) -> float:
        return min(self.cap_s, self.first_s * 2.0 ** min(tries, 30)) * (1 - chance.random() / 2)
