"""Confirmations: the challenge to be signed, and the signature that lets an infusion start.

Promises:
- A signature counts only for the binding that was offered: nonce, program, action, pump, session, gateway, what was on
  the screen, and the scanned wristband.
- After each wait, everything that may have changed is checked again before the state machine is asked.
- While it is known that the pump does not answer, or that another one does, a confirmation is refused at once.
- The state machine decides; nothing here sends anything to a pump.
"""

import secrets
from typing import Any

from pumpd.control.confirming import signature
from pumpd.control.confirming.review import review, shown
from pumpd.control.infusions.pump_service import PumpService
from pumpd.control.infusions.pumps import Pumps
from pumpd.control.infusions.start_gate import StartGate
from pumpd.control.journal_health import JournalHealth
from pumpd.control.ordering.association import NO_TOKEN
from pumpd.control.ordering.disk_check import DiskCheck
from pumpd.control.plasma import PlasmaService
from pumpd.control.refused import Permission, RefusedError
from pumpd.dosing.prescription import is_token
from pumpd.host.clock import Clock
from pumpd.infusion import events as ev
from pumpd.infusion.interlocks.confirmation import patient_faults
from pumpd.messages import binding as bindings
from pumpd.messages.keys import PairedKey
from pumpd.messages.requests import Confirmation
from pumpd.texts import of_error, text

NOT_A_WRISTBAND = text("patient.scanned_is", "patient: what was scanned is {what}; scan the wristband", what=NO_TOKEN)


class ConfirmingService:
    def __init__(
        self,
        pumps: Pumps,
        disk: DiskCheck,
        gate: StartGate,
        health: JournalHealth,
        plasma: PlasmaService,
        clock: Clock,
    ) -> None:
        self._pumps, self._disk, self._gate, self._health = pumps, disk, gate, health
        self._plasma, self._clock = plasma, clock

    async def challenge(self, pump: str) -> dict[str, Any]:
        """What a confirmation must sign now, and what must be on the screen. Raises RefusedError."""
        runner = self._pumps.named(pump)
        await signature.load()
        issued = ev.ChallengeIssued(self._now(), secrets.token_hex(16), shown(review(runner)))
        reasons = runner.feed(issued)
        infusion = runner.infusion
        if reasons or infusion is None or infusion.challenge is None:
            raise RefusedError(*reasons)
        binding = infusion.challenge
        valid_s = self._clock.loop_seconds(binding.expires_ns - self._now())
        return {
            "binding": bindings.to_fields(binding),
            "valid_s": valid_s,
            "review": review(runner),
            "shown": binding.shown,
            "plasma": self._plasma.of_loaded(runner),  # beside the review, which is signed
        }

    def wristband(self, pump: str, read: str) -> None:
        """Refuse a wristband that is not of the patient of the order and of the pump. It confirms nothing.

        Raises RefusedError.
        """
        runner = self._pumps.named(pump)
        if not is_token(read):  # it may be anything, so it goes into no journal entry
            raise RefusedError(NOT_A_WRISTBAND)
        order = runner.infusion.patient if runner.infusion is not None else ""
        if faults := patient_faults(order, read, runner.patient):
            raise RefusedError(*faults)

    async def confirm(
        self, request: Confirmation, key: PairedKey, signer: str, permitted: Permission, *, checked_twice: bool
    ) -> PumpService:
        """Verify the signature and let the state machine decide. Raises RefusedError.

        `permitted` is asked again after every wait, in which a key may be revoked or a person signed out.
        """
        runner = self._pumps.named(request.pump)
        await signature.load()
        try:
            binding = bindings.of_confirmation(request)
        except ValueError as error:
            raise RefusedError(of_error(error)) from error
        if wrong := signature.fault(key, binding, request.signature):
            raise RefusedError(wrong)
        # A resume gives the rest of an infusion that was started by library and configuration as they are loaded.
        on_disk = await self._disk.objections() if binding.action is ev.ConfirmAction.START else ()
        objections = [*permitted(), *on_disk, *self._health.objections(), *self._gate.against(runner, binding.action)]
        objections += runner.absent()
        if objections:
            raise RefusedError(*objections)
        if runner.program is not None and runner.program.entry.double_check and not checked_twice:
            raise RefusedError(
                text(
                    "confirmation.second_check",
                    "confirmation: {entry} asks for a second person's check; confirm it on a tablet",
                    entry=runner.program.entry.id,
                )
            )
        if not is_token(binding.wristband):  # it may be anything, so it goes into no journal entry
            raise RefusedError(NOT_A_WRISTBAND)
        given = ev.ConfirmationGiven(self._now(), binding, signer, request.request, runner.patient)
        if reasons := runner.feed(given):
            raise RefusedError(*reasons)
        return runner

    def _now(self) -> int:
        return self._clock.monotonic_ns()
