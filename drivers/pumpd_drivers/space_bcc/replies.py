"""What the records of a reply mean: errors and numbers."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

from pumpd.driving import DeclinedError, text
from pumpd_drivers.space_bcc.codec import Record


def refused(found: Sequence[Record]) -> bool:
    """Whether the rack does not know what was requested, or sent no record at all."""
    return all(record.parameter == "GNERR" for record in found)


def number(values: Mapping[str, str], parameter: str) -> Decimal:
    """A parameter's value as a number, 0 when it is missing. Raises DeclinedError when the value is no number."""
    try:
        value = Decimal(values.get(parameter, "0") or "0")
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0 or value > 1_000_000:
        raise DeclinedError(
            text(
                "space_bcc.no_number",
                "{parameter}: the rack reports {value}, which is no number",
                parameter=parameter,
                value=f"{values.get(parameter)!r}",
            )
        )
    return value
