"""Prescriptions and pumps for the tests of dosing."""

from dataclasses import replace
from decimal import Decimal

from pumpd.dosing import Prescription, Refusals, plan
from pumpd.library.files import CHECKOUT, read_library
from pumpd.pump import Capabilities, FewDigits, FixedStep, LossOfControl, PumpKind
from pumpd.quantities import Rate, Volume

LIBRARY = read_library(CHECKOUT)

# A clinical pump as in the golden table: 0.1 mL/h, 0.01 mL.
TENTHS = Capabilities(
    family="sample",
    kind=PumpKind.SYRINGE,
    rate_grid=FixedStep(Decimal("0.1")),
    volume_grid=FixedStep(Decimal("0.01")),
    rate_min=Rate("0.1"),
    rate_max=Rate(1000),
    volume_max=Volume(9999),
    max_steps=10,
    loss_of_control=(LossOfControl.NATIVE,),
)
# A pump that accepts four digits, three of them after the point.
DIGITS = replace(TENTHS, rate_grid=FewDigits(4, 3), volume_grid=FewDigits(4, 3))
# A very coarse pump.
COARSE = replace(TENTHS, volume_grid=FixedStep(Decimal("0.1")))

ORDER = {
    "entry": "ketamine-1mg-ml",
    "dose": "0.5 mg/kg",
    "weight": "70 kg",
    "weight_basis": "actual",
    "duration": "40 min",
    "container": "50 mL",
}


def prescription(**changes):
    return Prescription.from_text({**ORDER, **changes})


def program(capabilities=TENTHS, library=LIBRARY, overrides=None, **changes):
    return plan(prescription(**changes), library, capabilities, overrides)


def refused(capabilities=TENTHS, library=LIBRARY, overrides=None, **changes):
    """The (field, requirement) of every reason, or an empty list if it was planned."""
    try:
        program(capabilities, library, overrides, **changes)
    except Refusals as error:
        return [(reason.field, reason.requirement) for reason in error.reasons]
    return []
