"""Alarms and infusions as CSV or Parquet."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from pumpd_ward.store import history
from pumpd_ward.store.history import Span, Store

WHAT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "alarms": (
            *("gateway", "pump", "code", "priority", "cause", "session", "raised_at", "escalated_at"),
            *("acknowledged_at", "cleared_at", "acknowledged_s", "cleared_s"),
        ),
        "infusions": (
            *("gateway", "pump", "session", "started_at", "ended_at", "outcome", "stopped_by"),
            *("programmed_ml", "delivered_ml", "undelivered_ml", "running_s"),
        ),
    }
)
KINDS = MappingProxyType({"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"})
_WIDE = 0xFEE0  # from a character to its full-width form, which a spreadsheet takes for the same
_FORMULA = (*"=+-@\t\r\n", *(chr(ord(each) + _WIDE) for each in "=+-@"))


class MissingError(Exception):
    """The library for this kind is not installed."""


async def exported(store: Store, what: str, kind: str, span: Span, gateway: str | None) -> bytes:
    """Raises MissingError for Parquet without the extra `parquet`."""
    read = history.all_alarms if what == "alarms" else history.infusions
    found = await read(store, span, gateway)
    return as_csv(WHAT[what], found) if kind == "csv" else _parquet(WHAT[what], found)


def as_csv(names: Sequence[str], found: Sequence[Mapping[str, Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(names)
    writer.writerows([_cell(each[name]) for name in names] for each in found)
    return out.getvalue().encode()


def _cell(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula is marked as text."""
    if isinstance(value, datetime):
        return value.isoformat()
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _parquet(names: Sequence[str], found: Sequence[Mapping[str, Any]]) -> bytes:
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, and large
        import pyarrow.parquet as pq  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        raise MissingError(
            "Parquet needs the extra: pip install 'pumpd-ward[parquet]'. CSV works without it."
        ) from error
    kinds = {"_at": pa.timestamp("us", tz="UTC"), "_s": pa.float64(), "ml": pa.float64()}
    schema = pa.schema(
        [(name, next((kind for end, kind in kinds.items() if name.endswith(end)), pa.string())) for name in names]
    )
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([{name: each[name] for name in names} for each in found], schema=schema), out)
    return out.getvalue()
