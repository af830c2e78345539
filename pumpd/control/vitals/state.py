"""The vital signs of one patient as they are shown. Pure."""

from collections.abc import Sequence

from pumpd.host.instant import Instant
from pumpd.infusion.vitals import Level, VitalRules, VitalSample
from pumpd.messages.state import SignState, VitalSignsState
from pumpd.vital_signs import Sign


def state_of(rules: VitalRules, samples: Sequence[VitalSample], at: Instant, *, first: bool) -> VitalSignsState:
    """`first`: nothing of the infusion has been given yet."""
    last = {each.sign: each for each in samples}
    reasons = rules.objections(samples, at.now_ns, first=first)
    signs = [_sign(rules, sign, last.get(sign), at) for sign in Sign]
    return {"signs": signs, "ready": not reasons, "reasons": list(reasons)}


def _sign(rules: VitalRules, sign: Sign, last: VitalSample | None, at: Instant) -> SignState:
    missing = last is None or rules.missing([last], sign, at.now_ns)
    level = Level.MISSING if last is None or missing else rules.level(last)
    return {
        "name": sign.value,
        "value": None if last is None or missing else last.value,
        "age_s": None if last is None else round(at.real_s(at.now_ns - last.at_ns), 1),
        "level": level.value,
        "source": None if last is None else last.source.partition(" ")[0],
    }
