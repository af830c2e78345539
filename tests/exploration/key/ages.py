"""Instants as ages, cut where nothing distinguishes them any more, and what is left of a confirmation."""

from pumpd.infusion import events as ev
from tests.exploration.slices import TICK


def age(at_ns: int | None, now: int, cut: int) -> int:
    return -1 if at_ns is None else min(now - at_ns // TICK, cut)


def ago(tick: int | None, now: int, cut: int) -> int:
    return -1 if tick is None else min(now - tick, cut)


def remains(binding: ev.Binding | None, now: int) -> int:
    return -1 if binding is None else max(binding.expires_ns // TICK - now, 0)
