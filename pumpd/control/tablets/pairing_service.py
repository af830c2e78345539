"""Pairing a tablet: a person opens the window at the gateway, a tablet offers its key, the person types its code."""

from collections.abc import Mapping
from typing import Any

from pumpd.control.confirming import signature
from pumpd.control.refused import RefusedError
from pumpd.control.tablets.pairing import NS, PairingError, Window, WindowState
from pumpd.control.tablets.register import LONGEST_NAME, Register, shown
from pumpd.host.clock import Clock
from pumpd.journal import Entry
from pumpd.journal.writer import JournalWriter
from pumpd.messages.roles import Role


class PairingService:
    def __init__(self, register: Register, journal: JournalWriter, clock: Clock) -> None:
        self._register, self._journal, self._clock = register, journal, clock
        self._window: Window | None = None

    def open(self, roles: tuple[str, ...], name: str, by: str) -> dict[str, Any]:
        """Open a window, which closes the previous one. Raises RefusedError."""
        if not roles or (wrong := [role for role in roles if role not in list(Role)]):
            raise RefusedError(f"role: {', '.join(wrong) if roles else 'none given'}; there are {', '.join(Role)}")
        if len(name) > LONGEST_NAME:
            raise RefusedError(f"name: at most {LONGEST_NAME} characters")
        self._window = Window.open(tuple(dict.fromkeys(roles)), name, self._clock.loop_ns())
        self._note("pairing_opened", {"roles": list(self._window.roles), "by": by})
        return {"token": self._window.token, "expires_s": self._left_s(self._window)}

    async def offer(self, token: str, name: str, public_key: str) -> dict[str, Any]:
        """A tablet offers its key. Raises RefusedError."""
        name = " ".join(name.split())[:LONGEST_NAME] or "tablet"
        await signature.load()
        window = self._open_window()
        try:
            der, key_id = signature.offered(public_key)
            code = window.offer(token, der, name, self._clock.loop_ns())
        except ValueError as error:
            raise RefusedError(str(error)) from error
        self._note("pairing_offered", {"key": key_id, "name": name})
        return {"code": code, "expires_s": self._left_s(window)}

    def state(self, token: str) -> dict[str, Any]:
        """The state of the window, for the tablet that has its token."""
        window = self._window
        if window is None or window.token != token:
            return {"state": WindowState.CLOSED, "tablet": None, "offered": False}
        key = self._register.key(window.key_id) if window.key_id else None
        return {
            "state": window.check(self._clock.loop_ns()),
            "tablet": shown(key) if key else None,
            "offered": window.offered is not None,
        }

    async def accept(self, code: str, by: str) -> dict[str, Any]:
        """Accept the code that the person typed. Raises RefusedError."""
        await signature.load()
        window = self._open_window()
        try:
            der, name = window.accept(code, self._clock.loop_ns())
        except PairingError as error:
            raise RefusedError(str(error)) from error
        try:
            key = await self._register.add_tablet(name, window.roles, der, by)
        except RefusedError as error:
            window.state = WindowState.CLOSED
            raise RefusedError(*(f"pair: {reason}" for reason in error.reasons)) from error
        window.key_id = key.id
        return shown(key)

    def close(self) -> None:
        if self._window is not None:
            self._window.refuse()

    def _open_window(self) -> Window:
        if self._window is None:
            raise RefusedError("pair: no window is open; open one at the gateway (`pumpd pair`)")
        return self._window

    def _left_s(self, window: Window) -> int:
        return window.left_ns(self._clock.loop_ns()) // NS

    def _note(self, kind: str, body: Mapping[str, Any]) -> None:
        self._journal.post([Entry(kind, body, "", "", self._clock.monotonic_ns())])
