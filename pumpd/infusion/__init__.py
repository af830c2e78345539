"""The infusion: states, events, actions, interlocks and the pure function that joins them."""

from pumpd.infusion.advance import advance, begin
from pumpd.infusion.limits import Limits, Window
from pumpd.infusion.model import Infusion, Place
from pumpd.infusion.states import State

__all__ = ["Infusion", "Limits", "Place", "State", "Window", "advance", "begin"]
