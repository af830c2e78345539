"""A deliberate break of one guard of the state machine, active while the explorer searches for it.

A mutant replaces one text in the source of one function, which is compiled again and put in place while the mutant is
active. A text that is missing or there twice is an error, so the list cannot become outdated unnoticed.
"""

import importlib
import inspect
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from types import CodeType, FunctionType
from typing import Any

from tests.exploration.search import Explorer, Found
from tests.exploration.slices import SLICES
from tests.exploration.treatment import planned

DEPTH = 25_000  # nodes of a mutant's own slice


@dataclass(frozen=True)
class Mutant:
    """`where` is module:function, below pumpd.infusion unless it names pumpd. `caught_by` is a rule; it is empty where
    another guard covers.
    """

    about: str
    where: str
    old: str
    new: str
    caught_by: str = ""
    slice: str = "start"
    deep: bool = False  # found only beyond the nodes that CI explores
    also: "Mutant | None" = None  # broken at the same time, where the two cover for each other

    @contextmanager
    def alive(self) -> Iterator[None]:
        function = _function(self.where)
        source = textwrap.dedent(inspect.getsource(function))
        if source.count(self.old) != 1:
            raise LookupError(f"{self.about}: {self.old!r} is there {source.count(self.old)} times in {self.where}")
        source = source.replace("@cached_property\n", "").replace("@property\n", "").replace(self.old, self.new)
        good = function.__code__
        code = compile("from __future__ import annotations\n" + source, self.where, "exec")
        planned.cache_clear()
        function.__code__ = next(c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == good.co_name)
        try:
            with self.also.alive() if self.also else nullcontext():
                yield
        finally:
            function.__code__ = good
            planned.cache_clear()


def _function(where: str) -> FunctionType:
    module, _, name = where.partition(":")
    found: Any = importlib.import_module(module if module.startswith("pumpd.") else f"pumpd.infusion.{module}")
    for part in name.split("."):
        found = getattr(found, part)
    if isinstance(found, property):
        found = found.fget
    if isinstance(found, cached_property):
        found = found.func
    assert isinstance(found, FunctionType), where
    return found


def caught(mutant: Mutant) -> Found | None:
    """The first rule that breaks while the mutant is active: in its slice or, if none should, in CI's share of all."""
    own = [replace(each, nodes=DEPTH) for each in SLICES if each.name == mutant.slice]
    with mutant.alive():
        for each in own if mutant.caught_by else SLICES:
            explorer = Explorer(each).run()
            if explorer.found:
                return next(iter(explorer.found.values()))
    return None
