"""Software nurses: paired keys that confirm on their own, for simulation and integration.

A tablet's key never does: its request states who is signed in on the tablet.
"""

from pumpd.control.confirming.service import ConfirmingService
from pumpd.control.infusions.pump_service import PumpService
from pumpd.control.refused import RefusedError
from pumpd.control.tablets.register import Register
from pumpd.messages.keys import PairedKey
from pumpd.messages.requests import Confirmation
from pumpd.texts import text


class SoftwareNurses:
    def __init__(self, register: Register, confirming: ConfirmingService) -> None:
        self._register, self._confirming = register, confirming

    async def confirm(self, request: Confirmation) -> PumpService:
        """Raises RefusedError."""
        key = self._key(request.key)

        def permitted() -> list[str]:
            try:
                return (
                    []
                    if self._key(request.key) == key
                    else [
                        text("confirmation.key_changed", "confirmation: the key {key} has changed", key=repr(key.name))
                    ]
                )
            except RefusedError as error:
                return list(error.reasons)

        signer = f"{key.name} ({key.id})"
        return await self._confirming.confirm(request, key, signer, permitted, checked_twice=False)

    def _key(self, key_id: str) -> PairedKey:
        key = self._register.key(key_id)
        if key is None:
            raise RefusedError(
                text(
                    "confirmation.key_not_paired",
                    "confirmation: the key {key} is not paired with this gateway",
                    key=repr(key_id),
                )
            )
        if key.kind != "software":
            raise RefusedError(
                text(
                    "confirmation.key_of_tablet",
                    "confirmation: {key} is a tablet; it confirms with a person signed in on it",
                    key=repr(key.name),
                )
            )
        return key
