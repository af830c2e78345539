"""How a pump holds a program: one phase for each step, and a stop phase after the last.

Promises:
- Writing continues only while the pump confirms; a setting is repeated only when an alarm swallowed it.
- The phase after the last step is set to stop, and reading back requires one: without it the pump would continue with
  whatever the next phase holds.
- Reading back returns what the pump reports, phase by phase, independent of what was written.
"""

from decimal import Decimal

from pumpd.driving import DeclinedError, text
from pumpd.pump import PumpProgram, RateStep
from pumpd.quantities import Length
from pumpd_drivers.new_era import limits, replies
from pumpd_drivers.new_era.dialogue import NewEraDialogue, UnsupportedError


class Phases:
    """`known` is False for a pump without phases; it then holds a program of one step and stops at its volume."""

    def __init__(self, pump: NewEraDialogue) -> None:
        self._pump = pump
        self.known = True

    async def write(self, program: PumpProgram, epoch: int) -> None:
        """Set everything and clear the counters. The program's numbers were checked against the limits before."""
        command = self._pump.command
        await self._pump.switch_off("power_fail_command", epoch)
        await self._pump.switch_off("trigger_command", epoch)
        if program.diameter is None:
            raise DeclinedError(text("new_era.no_diameter", "diameter: none is given"))
        await command("DIA" + limits.wire_number(program.diameter.decimal), epoch)
        await self._select_first(len(program.steps), epoch)
        for number, step in enumerate(program.steps, start=1):
            if number > 1:
                await self._select(number, epoch)
            if self.known:
                await command("FUNRAT", epoch)
            if number == 1:  # not before: a stop phase does not accept units
                await command("VOLML", epoch)
            await command(f"RAT{limits.wire_number(step.rate.decimal)}MH", epoch)
            await command("VOL" + limits.wire_number(step.volume.decimal), epoch)
            await command("DIRINF", epoch)
        if self.known:
            await self._select(len(program.steps) + 1, epoch)
            await command("FUNSTP", epoch)
        await command("CLDINF", epoch)
        await command("CLDWDR", epoch)
        await self._select(1, epoch)

    async def read(self, epoch: int) -> PumpProgram:
        """Ask for everything that `write` sets. Raises DeclinedError when what the pump holds is no program."""
        diameter = await self._pump.question("DIA", replies.NUMBER, epoch=epoch)
        steps: list[RateStep] = []
        while await self._is_step(len(steps) + 1, epoch):
            if len(steps) == limits.MAX_STEPS:
                raise DeclinedError(
                    text("new_era.no_stop_phase", "the pump has no stop phase: it would run on after the program")
                )
            steps.append(await self._step(len(steps) + 1, epoch))
        if not steps:
            raise DeclinedError(text("new_era.no_program", "the pump holds no program: its first phase is a stop"))
        await self._select(1, epoch)
        return PumpProgram(tuple(steps), Length(Decimal(diameter.data)))

    async def _select_first(self, steps: int, epoch: int) -> None:
        self.known = True
        try:
            await self._select(1, epoch)
        except UnsupportedError as error:
            if steps > 1:
                raise DeclinedError(
                    text(
                        "new_era.no_phases",
                        "steps: {steps} steps, but this pump has no phases: it holds one step",
                        steps=steps,
                    )
                ) from error
            self.known = False

    async def _select(self, number: int, epoch: int) -> None:
        if self.known:
            await self._pump.command(f"PHN{number}", epoch)

    async def _is_step(self, number: int, epoch: int) -> bool:
        if not self.known:
            return number == 1
        await self._select(number, epoch)
        function = (await self._pump.question("FUN", replies.FUNCTION, epoch=epoch)).data
        if function not in ("RAT", "STP"):
            raise DeclinedError(
                text(
                    "new_era.phase_holds",
                    "phase {number} holds {function}, which is no part of a program",
                    number=number,
                    function=function,
                )
            )
        return function == "RAT"

    async def _step(self, number: int, epoch: int) -> RateStep:
        rate = replies.rate((await self._pump.question("RAT", replies.RATE, epoch=epoch)).data)
        volume = replies.volume((await self._pump.question("VOL", replies.VOLUME, epoch=epoch)).data)
        direction = (await self._pump.question("DIR", replies.DIRECTION, epoch=epoch)).data
        if direction != "INF":
            raise DeclinedError(
                text(
                    "new_era.phase_direction",
                    "phase {number} has direction {direction}, not INF",
                    number=number,
                    direction=direction,
                )
            )
        if not rate or not volume:
            raise DeclinedError(
                text(
                    "new_era.phase_endless",
                    "phase {number} holds {rate} and {volume}: without a volume it never ends",
                    number=number,
                    rate=rate,
                    volume=volume,
                )
            )
        return RateStep(rate, volume)
