"""The other pumps of this gateway that a pump could be mistaken for, because nothing shows which is which (COM-15)."""

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from pumpd.settings import PumpSettings
from pumpd.texts import text


class Bed(Protocol):
    """What has to be known of another pump."""

    settings: PumpSettings

    @property
    def unmarked(self) -> bool: ...

    @property
    def active(self) -> bool: ...

    @property
    def may_flow(self) -> bool: ...


B = TypeVar("B", bound=Bed)


class Alike(Generic[B]):
    """`unmarked` says whether this pump cannot show which one it is; `others` gives all other pumps of the gateway;
    `stop_all` stops some of them and takes the reason.
    """

    def __init__(
        self,
        settings: PumpSettings,
        unmarked: Callable[[], bool],
        others: Callable[[], Sequence[B]],
        stop_all: Callable[[Sequence[B], str], None],
    ) -> None:
        self._settings, self._unmarked, self._others, self._stop_all = settings, unmarked, others, stop_all

    @property
    def exist(self) -> bool:
        """Another pump of its kind cannot show which one it is either."""
        return bool(self._without_mark())

    @property
    def under_way(self) -> bool:
        """Another bed has an infusion, and its pump may be the one on this line."""
        return any(other.active for other in self._without_mark())

    def stop(self, why: str, serial: str | None = None) -> bool:
        """Stop every pump that the one on this line may be. Returns whether one of them may flow."""
        found = self._without_mark()
        if serial is not None:
            found += [other for other in self._of_family() if other.settings.serial == serial and other not in found]
        flowing = [other for other in found if other.may_flow]
        if flowing:
            self._stop_all(
                flowing,
                text("identity.swapped", "{name}: {why}; the cables may be swapped", name=self._settings.name, why=why),
            )
        return bool(flowing)

    def _of_family(self) -> list[B]:
        return [other for other in self._others() if other.settings.driver == self._settings.driver]

    def _without_mark(self) -> list[B]:
        return [other for other in self._of_family() if other.unmarked] if self._unmarked() else []
