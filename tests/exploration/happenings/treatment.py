"""A delivery has ended, and the rest of the treatment is ordered: at the same rate, or at half of it."""

from pumpd.infusion import Infusion
from tests.exploration.happenings.alphabet import Outcome, happens
from tests.exploration.slices import HALF, NORMAL
from tests.exploration.treatment import rest
from tests.exploration.world import World


def _ordered(name: str, rate: int, *, elsewhere: bool = False) -> None:
    @happens("elsewhere" if elsewhere else "treatment", name)
    def _make(i: Infusion, w: World) -> Outcome:
        return rest(i, w, rate, elsewhere=elsewhere)


_ordered("the rest is ordered", NORMAL)
_ordered("the rest is ordered at half the rate", HALF)
_ordered("the rest is ordered on another pump", NORMAL, elsewhere=True)
