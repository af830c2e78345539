"""Guards that cover for each other.

Broken together they are caught. If only one is broken, nothing that matters changes, and the text states which other
guard holds.
"""

from tests.exploration.mutants.interlocks import EXPIRY, LOCKS
from tests.exploration.mutants.mutant import Mutant

_READ_BACK = Mutant(
    "`read_back.check` permits everything: `_read_back` has left ARMED",
    LOCKS + "read_back:check",
    "return Refuse(reasons) if reasons else PERMIT",
    "return PERMIT",
)
_DIGEST = Mutant(
    "`confirmation.check` ignores the digest: `faults` checked it",
    LOCKS + "confirmation:check",
    "and confirmed.digest == infusion.segment.digest",
    "",
)

TOGETHER = (
    Mutant(
        "nothing checks before the start whether the read-back differs",
        "advance:_read_back",
        "elif reasons:",
        "elif False:",
        "start_is_read_back",
        "panel",
        also=_READ_BACK,
    ),
    Mutant(
        "nothing checks the digest",
        LOCKS + "confirmation:faults",
        '"program digest"), given.',
        '"program digest"), challenge.',
        "start_is_confirmed",
        also=_DIGEST,
    ),
    Mutant(
        "nothing checks the expiry",
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
        "confirmed in any state: the table has no transition to ARMED except from READY",
        "advance:_confirmation_given",
        "if infusion.state is not State.READY:",
        "if False:",
    ),
    Mutant(
        "a counter that is not zero before the start: `front_panel` finds that it grew",
        LOCKS + "pump_idle:check",
        "if infusion.reading.delivered != ZERO:",
        "if False:",
    ),
    Mutant(
        "any digest is accepted: `confirmation.check` refuses the start",
        LOCKS + "confirmation:faults",
        '"program digest"), given.',
        '"program digest"), challenge.',
    ),
    Mutant(
        "accepted after its expiry: `confirmation.check` refuses the start",
        LOCKS + "confirmation:faults",
        "if now_ns >= challenge.expires_ns:",
        "if False:",
    ),
    Mutant(
        "a request carried out twice: its challenge is used up",
        "advance:_confirmation_given",
        "if request in infusion.requests:",
        "if False:",
    ),
    Mutant("a stop keeps the confirmation: ARMED replaces it", "turn:Turn.stop_flow", "confirmed=None, ", ""),
    Mutant(
        "a transition outside the table: no event causes one",
        "turn:Turn.go",
        "if state not in TRANSITIONS[old]:",
        "if False:",
    ),
    Mutant(
        "the limit on pauses at the start: every event in ARMED checks it",
        LOCKS + "pause_budget:check",
        "return PERMIT if why is None else Refuse((why,))",
        "return PERMIT",
    ),
    Mutant(
        "the sum of all deliveries is not checked: each keeps to its own volume, planned from what was given before",
        LOCKS + "window_volume:check",
        "if infusion.earlier + given > infusion.whole + over:",
        "if False:",
    ),
)
