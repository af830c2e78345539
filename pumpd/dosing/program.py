"""The rate program: what is confirmed, loaded, read back and run, and its remainder after a pause.

Promises:
- One digest covers every field; a change in any of them makes it a different program (PRG-20).
- The remainder after a pause runs at the programmed rates: no bolus, no catching up (PRG-15). Its volumes are rounded
  down, and together with the volume already given it never exceeds the prescribed dose.
"""

from dataclasses import dataclass, replace
from functools import cached_property

from pumpd.dosing import reverse
from pumpd.dosing.canonical import canonical, plain_data, sha256_of
from pumpd.dosing.library import Entry
from pumpd.dosing.prescription import Prescription
from pumpd.dosing.refusal import Refusal, Refusals, SoftLimit
from pumpd.dosing.seal import Manifest
from pumpd.pump import Capabilities, Container, PumpProgram, RateStep
from pumpd.quantities import Duration, Mass, Volume
from pumpd.texts import text


@dataclass(frozen=True)
class RateProgram:
    """A planned infusion, made by `plan`, `plan_rest` and `remainder` only.

    `overrides` are (soft limit's id, typed reason). `continues` is the digest of the program whose remainder this is,
    and `given` the volume that was given before it. `treatment`: of which interrupted treatment it is the rest.
    """

    prescription: Prescription
    entry: Entry
    container: Container
    dose: Mass
    pump_program: PumpProgram
    family: str
    library: str
    warnings: tuple[SoftLimit, ...] = ()
    overrides: tuple[tuple[str, str], ...] = ()
    continues: str | None = None
    given: Volume = Volume(0)
    manifest: Manifest | None = None  # of the library; None when it was not signed
    treatment: str = ""

    @property
    def vtbi(self) -> Volume:
        return self.pump_program.vtbi

    @property
    def duration(self) -> Duration:
        """The time that the pump takes, never less than the prescribed time."""
        return self.pump_program.duration

    @property
    def programmed_dose(self) -> Mass:
        """The drug in the VTBI: the dose, minus what the pump's volume steps cannot represent."""
        return self.entry.concentration.mass_in(self.vtbi)

    @property
    def not_overridden(self) -> tuple[SoftLimit, ...]:
        """Soft limits without a typed reason: an order with any of them must be refused (PRG-05)."""
        reasons = dict(self.overrides)
        return tuple(warning for warning in self.warnings if warning.id not in reasons)

    @property
    def fields(self) -> dict[str, object]:
        """Everything as JSON data, for the journal and the review screen."""
        data: dict[str, object] = plain_data(self)
        return data

    @property
    def canonical(self) -> str:
        """The text whose SHA-256 is the digest."""
        return canonical(self)

    @cached_property
    def digest(self) -> str:
        return sha256_of(self)

    @property
    def wire_text(self) -> list[tuple[str, str]]:
        """The steps as text of (rate, volume): what the reverse computation starts from."""
        return [(str(step.rate), str(step.volume)) for step in self.pump_program.steps]

    def delivery(self) -> reverse.Delivery:
        """What these steps give, computed backwards."""
        return reverse.delivery(self.wire_text, str(self.entry.concentration), str(self.prescription.weight))

    def remainder(self, delivered: Volume, capabilities: Capabilities) -> "RateProgram | None":
        """What is left to give after a pause; None when it is too small for the pump's grid.

        `delivered` counts from when this program was loaded; pass the most that may have been given. Raises Refusals
        when the remainder would not be safe, ValueError for a volume below 0.
        """
        if capabilities.family != self.family:
            raise Refusals(
                [
                    Refusal(
                        "driver",
                        text(
                            "pump.other_family",
                            "the program is for {family}, not for {other}",
                            family=self.family,
                            other=capabilities.family,
                        ),
                    )
                ]
            )
        rest = self.pump_program.after(delivered)
        if rest is None:
            return None
        floored = [RateStep(step.rate, step.volume.floor(capabilities.volume_grid)) for step in rest.steps]
        steps = tuple(step for step in floored if step.volume)
        if not steps:
            return None
        program = replace(
            self,
            pump_program=PumpProgram(steps, self.container.diameter),
            continues=self.digest,
            given=self.given + delivered,
        )
        objections = reverse.rest_objections(
            program.delivery(),
            given=str(program.given),
            concentration=str(self.entry.concentration),
            dose_per_weight=str(self.prescription.dose_per_weight),
            weight=str(self.prescription.weight),
        )
        if objections:
            raise Refusals(objections)
        return program
