"""Text to quantity, read twice: by `Quantity.parse` and by the independent reader of `reverse` (PRG-01, PRG-03)."""

from typing import TypeVar

from pumpd import texts
from pumpd.dosing import reverse
from pumpd.quantities import Quantity, QuantityError

Q = TypeVar("Q", bound=Quantity)


def read_twice(kind: type[Q], text: object, field: str) -> Q:
    """The quantity, when both readers agree on it. Raises QuantityError."""
    quantity = kind.parse(text, field)
    if reverse.read(str(text)) != reverse.read(str(quantity)):
        raise QuantityError(
            field,
            text,
            texts.text("accepted.readers_disagree", "two readers disagree on it ({quantity})", quantity=quantity),
            texts.text("accepted.nothing", "nothing: this is a fault of pumpd"),
        )
    return quantity
