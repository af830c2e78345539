"""Software nurses: paired keys that confirm on their own, for simulation and integration.

A tablet's key never does: its request states who is signed in on the tablet.
"""

from pumpd.control.confirming.service import ConfirmingService
from pumpd.control.infusions.pump_service import PumpService
from pumpd.control.refused import RefusedError
from pumpd.control.tablets.register import Register
from pumpd.messages.keys import PairedKey
from pumpd.messages.requests import Confirmation


class SoftwareNurses:
    def __init__(self, register: Register, confirming: ConfirmingService) -> None:
        self._register, self._confirming = register, confirming

    async def confirm(self, request: Confirmation) -> PumpService:
        """Raises RefusedError."""
        key = self._key(request.key)

        def permitted() -> list[str]:
            try:
                return [] if self._key(request.key) == key else [f"confirmation: the key {key.name!r} has changed"]
            except RefusedError as error:
                return list(error.reasons)

        signer = f"{key.name} ({key.id})"
        return await self._confirming.confirm(request, key, signer, permitted, checked_twice=False)

    def _key(self, key_id: str) -> PairedKey:
        key = self._register.key(key_id)
        if key is None:
            raise RefusedError(f"confirmation: the key {key_id!r} is not paired with this gateway")
        if key.kind != "software":
            raise RefusedError(f"confirmation: {key.name!r} is a tablet; it confirms with a person signed in on it")
        return key
