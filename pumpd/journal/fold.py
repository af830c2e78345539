"""An infusion rebuilt from its journal entries: one function for both recovery and replay.

An entry `began` holds the infusion as it was ordered. Each entry `happened` holds an event that was fed to `advance`.
`recovered` holds by how much a restarted process moved the instants, because each boot of the machine counts from its
own zero. Folding `advance` over them rebuilds the infusion.

An event on which `advance` raises leaves the infusion as it was before. The process at the time did the same,
stopped the pump and wrote `internal_error`; a restart over the same entries survives what that process survived.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pumpd.infusion import Infusion, advance
from pumpd.infusion import events as ev
from pumpd.infusion.record import event_from_data, infusion_from_data
from pumpd.journal.records import Record

BEGAN, HAPPENED, RECOVERED = "began", "happened", "recovered"


class FoldError(ValueError):
    """An entry does not have the content that its kind requires. The message says why."""


@dataclass(frozen=True, slots=True)
class Step:
    """An event that was fed to `advance`, and the actions that followed; or `error`, a defect of pumpd."""

    event: ev.Event
    actions: tuple[ev.Action, ...] = ()
    error: Exception | None = None


def begun(entry: Record) -> Infusion:
    """The infusion that an entry `began` holds. Raises FoldError."""
    try:
        return infusion_from_data(entry.fields["infusion"])
    except Exception as error:  # whatever Python raises for a damaged body
        raise FoldError(f"it contains no infusion: {error}") from error


def folded(infusion: Infusion, entry: Record, fields: Mapping[str, Any] | None = None) -> tuple[Infusion, Step | None]:
    """The infusion after a later entry of its session, and the step if the entry is an event. Raises FoldError.

    `fields`: those of the entry, for a caller that has read them.
    """
    if entry.kind == RECOVERED:
        try:
            return infusion.moved((entry.fields if fields is None else fields).get("moved_ns", 0)), None
        except Exception as error:
            raise FoldError(f"it does not record by how much instants were moved: {error}") from error
    if entry.kind != HAPPENED:
        return infusion, None
    try:
        event = event_from_data(entry.fields if fields is None else fields)
    except Exception as error:
        raise FoldError(f"it contains no event: {error}") from error
    try:
        after, actions = advance(infusion, event)
    except Exception as error:  # noqa: BLE001  # a defect of pumpd, as at the time
        return infusion, Step(event, error=error)
    return after, Step(event, tuple(actions))
