"""Pairing a tablet: a person opens the window at the gateway, a tablet answers, the person types its code."""

from collections.abc import Mapping
from typing import Any

from pumpd.control.confirming import signature
from pumpd.control.refused import RefusedError
from pumpd.control.tablets.pairing import PairingError, Window, WindowState
from pumpd.control.tablets.register import LONGEST_NAME, Register, shown
from pumpd.host.clock import Clock
from pumpd.journal import Entry
from pumpd.journal.writer import JournalWriter
from pumpd.messages.pairing import PairOffer, PairReveal
from pumpd.messages.roles import Role
from pumpd.quantities import NS_PER_S
from pumpd.texts import of_error, text


class PairingService:
    def __init__(self, gateway: str, register: Register, journal: JournalWriter, clock: Clock) -> None:
        self._gateway, self._register, self._journal, self._clock = gateway, register, journal, clock
        self._window: Window | None = None
        self._closed: Window | None = None  # the last one whose end is in the journal

    def open(self, roles: tuple[str, ...], name: str, by: str) -> dict[str, Any]:
        """Open a window, which closes the previous one. Raises RefusedError."""
        if not roles or (wrong := [role for role in roles if role not in list(Role)]):
            raise RefusedError(
                text(
                    "staff.roles",
                    "role: {given}; there are {roles}",
                    given=", ".join(wrong) if roles else text("staff.no_roles", "none given"),
                    roles=", ".join(Role),
                )
            )
        if len(name) > LONGEST_NAME:
            raise RefusedError(text("pairing.name_long", "name: at most {letters} characters", letters=LONGEST_NAME))
        self._window = Window.open(self._gateway, tuple(dict.fromkeys(roles)), name, self._clock.loop_ns())
        self._note("pairing_opened", {"window": self._window.id, "roles": list(self._window.roles), "by": by})
        return {"token": self._window.token, "window": self._window.id, "expires_s": self._left_s(self._window)}

    def offer(self, sent: PairOffer) -> dict[str, Any]:
        """A tablet commits itself to a key; the answer has this gateway's nonce. Raises RefusedError."""
        window = self._open_window()
        try:
            proof = window.offer(sent, self._clock.loop_ns())
        except PairingError as error:
            raise self._refused(window, error) from error
        self._note("pairing_offered", {"window": window.id, "commitment": sent.commitment})
        return {"gateway": window.gateway, "nonce": window.nonce, "proof": proof, "expires_s": self._left_s(window)}

    async def reveal(self, sent: PairReveal) -> dict[str, Any]:
        """The tablet shows its key, as it committed itself to it. Raises RefusedError."""
        await signature.load()
        window = self._open_window()
        try:
            window.reveal(sent, self._clock.loop_ns())
        except PairingError as error:
            raise self._refused(window, error) from error
        try:
            _, key_id = signature.offered(sent.public_key)
        except ValueError as error:
            window.transcript = None
            window.close(text("pairing.key_unusable", "the tablet offered a key that cannot be used"))
            raise self._refused(window, error) from error
        self._note("pairing_revealed", {"key": key_id, "name": sent.name})
        return {"expires_s": self._left_s(window)}

    def state(self, window_id: str) -> dict[str, Any]:
        """The state of this window, and why it is closed."""
        window = self._window
        if window is None or window.id != window_id:
            return {
                "state": WindowState.CLOSED,
                "why": text("pairing.another_window", "another window was opened"),
                "tablet": None,
                "offered": False,
            }
        state = window.check(self._clock.loop_ns())
        key = self._register.key(window.key_id) if window.key_id else None
        return {
            "state": state,
            "why": window.why,
            "tablet": shown(key) if key else None,
            "offered": window.transcript is not None,
        }

    async def accept(self, code: str, by: str) -> dict[str, Any]:
        """Accept the code that the person typed. Raises RefusedError."""
        await signature.load()
        window = self._open_window()
        try:
            agreed = window.accept(code, self._clock.loop_ns())
        except PairingError as error:
            raise self._refused(window, error) from error
        name = " ".join(agreed.name.split())[:LONGEST_NAME] or window.name or "tablet"
        try:
            der, _ = signature.offered(agreed.public_key)
            key = await self._register.add_tablet(name, window.roles, der, by)
        except RefusedError as error:
            window.state, window.why = WindowState.CLOSED, text("pairing.not_stored", "the key could not be stored")
            raise RefusedError(*(text("pairing.why", "pair: {why}", why=reason) for reason in error.reasons)) from error
        window.key_id = key.id
        return shown(key)

    def close(self) -> None:
        if self._window is not None:
            self._window.close(text("pairing.ended", "the person at the gateway ended it"), WindowState.REFUSED)

    def _refused(self, window: Window, error: ValueError) -> RefusedError:
        """The refusal, and an entry, once, if the window is closed by it."""
        if window.state in (WindowState.CLOSED, WindowState.REFUSED) and window is not self._closed:
            self._closed = window
            self._note("pairing_closed", {"window": window.id, "why": window.why})
        return RefusedError(of_error(error))

    def _open_window(self) -> Window:
        if self._window is None:
            raise RefusedError(
                text("pairing.none_open", "pair: no window is open; open one at the gateway (`pumpd pair`)")
            )
        return self._window

    def _left_s(self, window: Window) -> int:
        return window.left_ns(self._clock.loop_ns()) // NS_PER_S

    def _note(self, kind: str, body: Mapping[str, Any]) -> None:
        self._journal.post([Entry(kind, body, "", "", self._clock.monotonic_ns())])
