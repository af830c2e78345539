"""How control says no to a request."""

from collections.abc import Callable, Sequence

# A reason against every order is checked again so often. A tablet offers no order while there is one, so no order would
# find out that it is gone (docs/decisions/0059).
CHECK_AGAIN_AFTER_S = 10.0


class RefusedError(Exception):
    """A request that is not carried out, with every reason."""

    def __init__(self, *reasons: str) -> None:
        self.reasons = reasons
        super().__init__("; ".join(reasons))


Permission = Callable[[], Sequence[str]]  # why the one who asked may no longer do it; asked again after every wait


def permitted_always() -> Sequence[str]:
    """For those whose permission does not end while they wait."""
    return ()
