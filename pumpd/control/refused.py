"""How control says no to a request."""


class RefusedError(Exception):
    """A request that is not carried out, with every reason."""

    def __init__(self, *reasons: str) -> None:
        self.reasons = reasons
        super().__init__("; ".join(reasons))
