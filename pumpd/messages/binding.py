"""What a confirmation binds to, as it goes over a socket: the challenge out, the confirmation back."""

from typing import Any

from pumpd.infusion.events import Binding, ConfirmAction
from pumpd.messages.requests import Confirmation
from pumpd.texts import text


def to_fields(binding: Binding) -> dict[str, Any]:
    """The form of a challenge. The wristband is not in it, because the nurse scans that."""
    return {
        "nonce": binding.nonce,
        "digest": binding.digest,
        "action": binding.action.value,
        "serial": binding.serial,
        "channel": binding.channel,
        "session": binding.session,
        "gateway": binding.gateway,
        "expires_ns": binding.expires_ns,
        "shown": binding.shown,
    }


def of_confirmation(sent: Confirmation) -> Binding:
    """The binding that a confirmation claims to sign. Raises ValueError for an action other than start and resume."""
    if sent.action not in list(ConfirmAction):
        raise ValueError(
            text(
                "confirmation.action",
                "confirmation: action {action} is neither start nor resume",
                action=repr(sent.action),
            )
        )
    return Binding(
        nonce=sent.nonce,
        digest=sent.digest,
        action=ConfirmAction(sent.action),
        serial=sent.serial,
        channel=sent.channel,
        session=sent.session,
        gateway=sent.gateway,
        expires_ns=sent.expires_ns,
        shown=sent.shown,
        wristband=sent.wristband,
    )
