"""Pairing as the control socket offers it: who opens the window, who offers a key, who types the code."""

import asyncio
from typing import Any

from pumpd.control.confirming import signature
from pumpd.control.refused import RefusedError
from pumpd.control.tablets.keys import KeyStore, KeyStoreError
from pumpd.control.tablets.pairing import NS, PairingError, Window, WindowState
from pumpd.host.clock import Clock
from pumpd.journal import Entry
from pumpd.journal.writer import JournalWriter
from pumpd.messages.roles import Role

LONGEST_NAME = 60


class PairingService:
    def __init__(self, keys: KeyStore, journal: JournalWriter, clock: Clock) -> None:
        self._keys, self._journal, self._clock = keys, journal, clock
        self._window: Window | None = None

    def open(self, roles: tuple[str, ...], name: str, peer: str) -> dict[str, Any]:
        """Open a window, in the place of one that was open. Raises RefusedError."""
        if not roles or (wrong := [role for role in roles if role not in list(Role)]):
            raise RefusedError(f"role: {', '.join(wrong) if roles else 'none given'}; there are {', '.join(Role)}")
        if len(name) > LONGEST_NAME:
            raise RefusedError(f"name: at most {LONGEST_NAME} characters")
        self._window = Window.open(tuple(dict.fromkeys(roles)), name, self._clock.loop_ns())
        self._note("pairing_opened", {"roles": list(self._window.roles), "by": peer})
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
        """How the window stands, for the tablet that holds its token."""
        window = self._window
        if window is None or window.token != token:
            return {"state": WindowState.CLOSED, "tablet": None, "offered": False}
        key = self._keys_or_none(window.key_id)
        return {"state": window.look(self._clock.loop_ns()), "tablet": key, "offered": window.offered is not None}

    async def accept(self, code: str, peer: str) -> dict[str, Any]:
        """The code that the operator typed. Raises RefusedError."""
        await signature.load()
        window = self._open_window()
        try:
            der, name = window.accept(code, self._clock.loop_ns())
        except PairingError as error:
            raise RefusedError(str(error)) from error
        key = signature.pairable(name, window.roles, der, kind="tablet")
        try:
            await asyncio.to_thread(self._keys.add, key)
        except (KeyStoreError, OSError) as error:
            window.state = WindowState.CLOSED
            raise RefusedError(f"pair: the key could not be kept: {error}") from error
        window.key_id = key.id
        self._note("tablet_paired", {"key": key.id, "name": key.name, "roles": list(key.roles), "by": peer})
        return {"id": key.id, "name": key.name, "roles": list(key.roles)}

    def close(self) -> None:
        if self._window is not None:
            self._window.refuse()

    def _open_window(self) -> Window:
        if self._window is None:
            raise RefusedError("pair: no window is open; open one at the gateway (`pumpd pair`)")
        return self._window

    def _keys_or_none(self, key_id: str) -> dict[str, Any] | None:
        key = self._keys.all().get(key_id) if key_id else None
        return {"id": key.id, "name": key.name, "roles": list(key.roles)} if key else None

    def _left_s(self, window: Window) -> int:
        return window.left_ns(self._clock.loop_ns()) // NS

    def _note(self, kind: str, body: dict[str, Any]) -> None:
        self._journal.post([Entry(kind, body, "", "", self._clock.monotonic_ns())])
