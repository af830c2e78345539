"""Guards that cover for each other.

Broken together they are caught. Broken alone nothing that matters changes, and the text says what else holds.
"""

from tests.exploration.mutants.interlocks import EXPIRY, LOCKS
from tests.exploration.mutants.mutant import Mutant

_READ_BACK = Mutant(
    "`read_back.check` permits all: `_read_back` has left ARMED",
    LOCKS + "read_back:check",
    "return Refuse(reasons) if reasons else PERMIT",
    "return PERMIT",
)
_DIGEST = Mutant(
    "`confirmation.check` knows no digest: `faults` asked for it",
    LOCKS + "confirmation:check",
    "and confirmed.digest == infusion.segment.digest",
    "",
)

TOGETHER = (
    Mutant(
        "nobody asks whether the read-back differs before the start",
        "advance:_read_back",
        "elif reasons:",
        "elif False:",
        "start_is_read_back",
        "panel",
        also=_READ_BACK,
    ),
    Mutant(
        "nobody asks for the digest",
        LOCKS + "confirmation:faults",
        '("program digest", given.',
        '("program digest", challenge.',
        "start_is_confirmed",
        also=_DIGEST,
    ),
    Mutant(
        "nobody asks for the expiry",
        LOCKS + "confirmation:faults",
        "if now_ns >= challenge.expires_ns:",
        "if False:",
        "start_is_confirmed",
        also=EXPIRY,
    ),
)

ALONE = (
    Mutant(
        "a read-back that differs leaves ARMED: `read_back.check` refuses the start",
        "advance:_read_back",
        "elif reasons:",
        "elif False:",
    ),
    _READ_BACK,
    _DIGEST,
    Mutant(
        "the count goes back with the counter: `flow_deviation` finds that nothing grew",
        "readings:_counted",
        "return max(infusion.counted, reading.delivered)",
        "return reading.delivered",
        slice="counter",
    ),
    Mutant(
        "a load that was asked for before: the read-back differs, or the pump holds nothing",
        "advance:_loaded",
        " or event.asked_at_ns < turn.infusion.since_ns",
        "",
    ),
    Mutant(
        "confirmed in any state: the table knows no way to ARMED but from READY",
        "advance:_confirmation_given",
        "if infusion.state is not State.READY:",
        "if False:",
    ),
    Mutant(
        "a counter that is not at zero before the start: `front_panel` finds that it grew",
        LOCKS + "pump_idle:check",
        "if infusion.reading.delivered != ZERO:",
        "if False:",
    ),
    Mutant(
        "any digest is accepted: `confirmation.check` refuses the start",
        LOCKS + "confirmation:faults",
        '("program digest", given.',
        '("program digest", challenge.',
    ),
    Mutant(
        "accepted after its expiry: `confirmation.check` refuses the start",
        LOCKS + "confirmation:faults",
        "if now_ns >= challenge.expires_ns:",
        "if False:",
    ),
    Mutant(
        "a request acted on twice: its challenge is gone",
        "advance:_confirmation_given",
        "if request in infusion.requests:",
        "if False:",
    ),
    Mutant("a stop keeps the confirmation: ARMED replaces it", "turn:Turn.stop_flow", "confirmed=None, ", ""),
    Mutant(
        "a step outside the table: no event asks for one",
        "turn:Turn.go",
        "if state not in TRANSITIONS[old]:",
        "if False:",
    ),
    Mutant(
        "the pause budget at the start: every event in ARMED asks it",
        LOCKS + "pause_budget:check",
        "return PERMIT if why is None else Refuse((why,))",
        "return PERMIT",
    ),
)
