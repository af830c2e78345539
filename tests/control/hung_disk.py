"""A disk that answers no read until the block ends."""

import contextlib
import threading
from collections.abc import Iterator

import pytest

from pumpd import regular_file
from tests.patience import PATIENCE_S


@contextlib.contextmanager
def hung_disk() -> Iterator[None]:
    back, opened = threading.Event(), regular_file._not_waiting

    def waiting(path: str, flags: int) -> int:
        back.wait(PATIENCE_S)
        return opened(path, flags)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regular_file, "_not_waiting", waiting)
        try:
            yield
        finally:
            back.set()
