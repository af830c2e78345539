"""From the section [vitals] to the rules of the infusion."""

from pumpd.infusion.vitals import SignLimits, VitalRules
from pumpd.quantities import NS_PER_S
from pumpd.settings_vitals import VitalsSettings
from pumpd.vital_signs import Sign

_MIN = 60 * NS_PER_S


def rules_of(settings: VitalsSettings) -> VitalRules:
    also = {Sign.RESPIRATION} if settings.respiration_required else set[Sign]()
    return VitalRules(
        limits=tuple(SignLimits(sign, **settings.limits(sign).model_dump()) for sign in Sign),
        streaming=frozenset({Sign.SPO2, Sign.HEART_RATE, *also}),
        fresh_ns=settings.fresh_s * NS_PER_S,
        missing_ns=settings.missing_s * NS_PER_S,
        lost_ns=settings.lost_s * NS_PER_S,
        pressure_ns=settings.pressure_min * _MIN,
        pressure_overdue_ns=settings.pressure_overdue_min * _MIN,
        pressure_pause_ns=settings.pressure_pause_min * _MIN,
        baseline_ns=settings.baseline_min * _MIN,
    )
