"""The clients on one socket: who they are, how many there may be, and what each may use (SEC-21, STP-01).

Promises:
- There are never more than `most` clients. A new one always gets a place, so that its stop is read: the user with the
  most clients loses one, an idle one before a busy one, and the one that has been silent longest first.
- A client that does not read costs one write buffer and one answer, and is dropped after `READ_WITHIN_S`. It has its
  place until its descriptor is free, also when it has nothing more to ask.
"""

import asyncio
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from pumpd.accepting import end
from pumpd.control.socket.doors import User

MOST = 128
UNREAD_BYTES = 16 * 1024  # buffered for a client before control waits for it to read
READ_WITHIN_S = 10.0  # a client that has not read by then is dropped

_CREDENTIALS = struct.Struct("3i")
_SO_PEERGROUPS = 59  # asm-generic/socket.h; the module `socket` does not name it
_MOST_GROUPS_BYTES = 1024  # 256 groups; Python's getsockopt takes no larger buffer and raises OSError


class BoundedWriter(asyncio.StreamWriter):
    """A writer that does not wait forever: a client that does not read in time is dropped."""

    async def drain(self) -> None:
        """Raises ConnectionError when the client has gone or was dropped."""
        try:
            async with asyncio.timeout(READ_WITHIN_S):
                await super().drain()
        except TimeoutError as error:
            self.transport.abort()
            raise ConnectionAbortedError(f"the client did not read for {READ_WITHIN_S:g} s") from error

    async def end(self) -> None:
        """Close the connection; what the client does not read in time is dropped."""
        await end(self, READ_WITHIN_S)


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end, as the kernel knows it."""

    uid: int
    pid: int
    groups: frozenset[int]

    @classmethod
    def of(cls, connection: socket.socket) -> "Peer":
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        pid, uid, gid = _CREDENTIALS.unpack(raw)
        try:
            others = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _MOST_GROUPS_BYTES)
        except OSError:  # the kernel does not report them, or there are too many: the main group counts
            others = b""
        return cls(uid, pid, frozenset({gid, *struct.unpack(f"{len(others) // 4}I", others)}))

    def user(self, owning_group: int) -> User:
        """What this user is to a socket that belongs to this group."""
        if self.uid in (0, os.getuid()):
            return User.OWNER
        return User.MEMBER if owning_group in self.groups else User.OTHER

    def __str__(self) -> str:
        return f"uid {self.uid}, pid {self.pid}"


@dataclass(eq=False, slots=True)
class Client:
    uid: int
    transport: asyncio.WriteTransport
    busy: bool = False  # a request is being carried out, or a stream is shown


@dataclass(slots=True)
class Clients:
    most: int = MOST
    _longest_silent_first: list[Client] = field(default_factory=list)

    def __iter__(self) -> Iterator[Client]:
        return iter(self._longest_silent_first)

    def __len__(self) -> int:
        return len(self._longest_silent_first)

    def enter(self, client: Client) -> None:
        """Admit the client. When all places are taken, another client is dropped."""
        if len(self) >= self.most:
            self.drop_one()
        self._longest_silent_first.append(client)

    def heard(self, client: Client) -> None:
        """The client has sent a request, which is being carried out."""
        client.busy = True
        if client in self._longest_silent_first:
            self._longest_silent_first.remove(client)
            self._longest_silent_first.append(client)

    def leave(self, client: Client) -> None:
        if client in self._longest_silent_first:
            self._longest_silent_first.remove(client)

    def drop_one(self) -> None:
        """Drop the client that matters least, if there is any."""
        if len(self):
            dropped = self._to_drop()
            self.leave(dropped)
            dropped.transport.abort()

    def _to_drop(self) -> Client:
        uids = [client.uid for client in self._longest_silent_first]
        most = max(set(uids), key=uids.count)
        theirs = [client for client in self._longest_silent_first if client.uid == most]
        return next((client for client in theirs if not client.busy), theirs[0])
