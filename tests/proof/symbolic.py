"""Decimals that mean every number at once, so that the code that plans a dose can be run on all of them.

A `Sym` is a term of the solver. The arithmetic of `pumpd.quantities` is replaced by one that builds terms, and a
comparison asks which of its outcomes are possible; a run follows one of them, and the other is run later. So each path
through the code is run once, with the conditions under which the code takes it.

What is known of a decimal besides its term is how many digits it can have, which shows that exact arithmetic stays
exact, and of which step it is a whole multiple, which shows that it lies on a grid.
"""

import builtins
import decimal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_DOWN
from fractions import Fraction
from math import gcd, lcm
from typing import Any
from unittest import mock

import z3

PRECISION = 60  # digits of the contexts of pumpd.quantities and pumpd.pump.capabilities
LAST_DIGIT = Fraction(1, 10 ** (PRECISION - 1))
# In the solver's own unit of work, about 600,000 a second: what is decided does not depend on the machine.
PATIENCE = 40_000_000  # for a claim
DOUBT = 300_000  # for whether a path is possible


class InfeasibleError(Exception):
    """No number takes this path."""


class UnprovedError(AssertionError):
    """The solver found a counter-example, or did not decide in time; or the code did what cannot be followed."""


@dataclass
class Path:
    """One path through the code: the conditions on its numbers, and the choices that led here."""

    prefix: tuple[bool, ...] = ()
    taken: list[bool] = field(default_factory=list)
    others: list[tuple[bool, ...]] = field(default_factory=list)
    solver: z3.Solver = field(default_factory=z3.Solver)
    symbols: int = 0

    def fresh(self) -> z3.ArithRef:
        self.symbols += 1
        return z3.Real(f"x{self.symbols}")

    def know(self, *facts: z3.BoolRef) -> None:
        self.solver.add(*facts)

    def possible(self, fact: z3.BoolRef) -> bool:
        """Undecided counts as possible: a path too many is proved too."""
        self.solver.set("rlimit", DOUBT)
        return self.solver.check(fact) != z3.unsat

    def decide(self, fact: Any) -> bool:
        fact = z3.simplify(fact)
        if z3.is_true(fact) or z3.is_false(fact):
            return z3.is_true(fact)
        if len(self.taken) < len(self.prefix):
            choice = self.prefix[len(self.taken)]
        else:
            yes, no = self.possible(fact), self.possible(z3.Not(fact))
            if not yes and not no:
                raise InfeasibleError
            choice = yes
            if yes and no:
                self.others.append((*self.taken, False))
        self.taken.append(choice)
        self.know(fact if choice else z3.Not(fact))
        return choice

    def prove(self, claim: Any, what: str) -> None:
        self.solver.set("rlimit", PATIENCE)
        found = self.solver.check(z3.Not(claim))
        if found == z3.sat:
            raise UnprovedError(f"{what}: counter-example {self.solver.model()}")
        if found != z3.unsat:
            raise UnprovedError(f"{what}: not decided ({self.solver.reason_unknown()})")


_now: list[Path] = []


def path() -> Path:
    return _now[-1]


def term(value: object) -> Any:
    if is_symbol(value):
        return value.term
    exact = Fraction(value)
    return z3.RealVal(f"{exact.numerator}/{exact.denominator}")


def is_symbol(value: object) -> bool:
    return type(value) is Sym or type(value) is _Digits  # not `==`, which is true of a real number's class


class _Meta(type):
    """In the place of a number's class: real numbers are its instances too."""

    stands_for: type

    def __instancecheck__(cls, value: object) -> bool:
        return is_symbol(value) or type(value) is cls.stands_for

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is cls.stands_for

    def __hash__(cls) -> int:
        return hash(cls.stands_for)


class Sym(metaclass=_Meta):
    """In the place of `Decimal`. `before` and `after`: the most digits on each side of the point. `step`: it is a whole
    multiple of this, where that is known.
    """

    stands_for = decimal.Decimal
    term: Any
    before: int
    after: int
    step: Fraction | None

    def __new__(cls, value: object = 0) -> "Sym":  # noqa: PYI034 - of a whole number, one of another kind
        return lifted(value)

    # -- what the code asks of a decimal -------------------------------------------------------------------------------

    def is_finite(self) -> bool:
        return True

    def copy_abs(self) -> "Sym":
        return self if path().decide(self.term >= 0) else -self

    def to_integral_value(self, rounding: str, _context: object = None) -> "Sym":
        return self._rounded(Fraction(1), rounding, self.before, 0)

    def quantize(self, exponent: decimal.Decimal, rounding: str, _context: object = None) -> "Sym":
        places = -exponent.as_tuple().exponent
        return self._rounded(Fraction(exponent), rounding, self.before, max(0, places))

    def _rounded(self, step: Fraction, rounding: str, before: int, after: int) -> "Sym":
        if before + after > PRECISION:
            raise UnprovedError(f"{before} and {after} digits are more than the context keeps")
        if not path().decide(self.term >= 0):
            raise UnprovedError("a number below 0 is rounded")
        if self.step is not None and (self.step / step).denominator == 1:
            return made(self.term, before, after, self.step)  # it lies on that grid already
        rounded, width = path().fresh(), term(step)
        if rounding == ROUND_DOWN:
            path().know(rounded <= self.term, rounded > self.term - width, rounded >= 0)
        elif rounding == ROUND_CEILING:
            path().know(rounded >= self.term, rounded < self.term + width)
        else:
            raise UnprovedError(f"{rounding} is not a rounding of dosing")
        return made(rounded, before + 1, after, step)

    def __mul__(self, other: object) -> "Sym":
        return Exact().multiply(self, other)

    __rmul__ = __mul__

    def __floordiv__(self, other: object) -> "Sym":
        quotient = path().fresh()
        path().know(quotient * term(other) == self.term)
        whole = path().fresh()
        path().know(whole <= quotient, whole > quotient - 1)
        return made(whole, self.before, 0, Fraction(1))

    def __neg__(self) -> "Sym":
        return made(-self.term, self.before, self.after, self.step)

    def __lt__(self, other: object) -> bool:
        return path().decide(self.term < term(other))

    def __le__(self, other: object) -> bool:
        return path().decide(self.term <= term(other))

    def __gt__(self, other: object) -> bool:
        return path().decide(self.term > term(other))

    def __ge__(self, other: object) -> bool:
        return path().decide(self.term >= term(other))

    def __eq__(self, other: object) -> bool:
        return path().decide(self.term == term(other))

    def __ne__(self, other: object) -> bool:
        return path().decide(self.term != term(other))

    def __bool__(self) -> bool:
        return path().decide(self.term != 0)

    def __hash__(self) -> int:
        return id(self)

    def __format__(self, _spec: str) -> str:
        return "#"  # in a message; what reads it as a number fails

    def __str__(self) -> str:
        return "#"

    def __index__(self) -> int:
        raise UnprovedError("a symbol is no known number")


def made(term_: Any, before: int, after: int, step: Fraction | None = None, kind: type[Sym] = Sym) -> Sym:
    symbol = object.__new__(kind)
    symbol.term, symbol.before, symbol.after, symbol.step = term_, before, after, step
    return symbol


class Whole(metaclass=_Meta):
    """In the place of `int`: of a symbol, its whole part, of which the text has as many digits."""

    stands_for = int

    def __new__(cls, value: object = 0, *more: Any) -> Any:
        if not is_symbol(value):
            return builtins.int(value, *more)
        whole = Sym(value).to_integral_value(ROUND_DOWN)
        digits = made(whole.term, whole.before, 0, Fraction(1), _Digits)
        digits.of = Sym(value)
        return digits


class _Digits(Sym):
    """A whole number whose text has as many digits as it; which ones is not known."""

    stands_for = int
    of: Sym
    factors: tuple[Sym, ...] = ()

    def __mul__(self, other: object) -> Sym:
        """Whole numbers are exact, however many digits they have."""
        two = Sym(other)
        product = made(self.term * two.term, self.before + two.before, 0, Fraction(1), _Digits)
        product.factors = (self, two)
        return product

    __rmul__ = __mul__

    def __neg__(self) -> Sym:
        less = made(-self.term, self.before, 0, Fraction(1), _Digits)
        if self.factors:
            less.factors = (-self.factors[0], self.factors[1])
        return less

    def __floordiv__(self, other: object) -> Sym:
        """A factor that is the divisor cancels, so that the solver need not divide."""
        for place, each in enumerate(self.factors):
            if each.term.eq(term(other)) and path().decide(each.term > 0):
                return self.factors[1 - place]
        return super().__floordiv__(other)

    def __str__(self) -> str:
        length = 1
        while self.of >= 10**length:  # as the whole part does: the solver knows that only of whole numbers
            length += 1
        return "#" * length


def lifted(value: object) -> Sym:
    if is_symbol(value):
        return value
    number = decimal.Decimal(value)
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    del sign
    return made(term(number), max(1, len(digits) + exponent), max(0, -exponent), Fraction(number) or Fraction(1))


def _common(one: Sym, other: Sym) -> Fraction | None:
    """The largest step of which both are multiples."""
    if one.step is None or other.step is None:
        return None
    a, b = abs(one.step), abs(other.step)
    return Fraction(gcd(a.numerator, b.numerator), lcm(a.denominator, b.denominator))


class Exact:
    """Sums, differences and products; more digits than the context keeps would raise `Inexact`."""

    def add(self, one: object, other: object) -> Sym:
        return self._sum(lifted(one), lifted(other), 1)

    def subtract(self, one: object, other: object) -> Sym:
        return self._sum(lifted(one), lifted(other), -1)

    def _sum(self, a: Sym, b: Sym, sign: int) -> Sym:
        return self._kept(a.term + sign * b.term, max(a.before, b.before) + 1, max(a.after, b.after), _common(a, b))

    def multiply(self, one: object, other: object) -> Sym:
        a, b = lifted(one), lifted(other)
        step = a.step * b.step if a.step is not None and b.step is not None else None
        return self._kept(a.term * b.term, a.before + b.before, a.after + b.after, step)

    @staticmethod
    def _kept(of: Any, before: int, after: int, step: Fraction | None) -> Sym:
        if before + after > PRECISION:
            before = fewest_digits(of, before)
        if before + after > PRECISION:
            raise decimal.Inexact(f"up to {before} and {after} digits")
        return made(of, before, after, step)


def fewest_digits(of: Any, most: int) -> int:
    """How many digits a number can have before its point, as far as the solver sees."""
    for count in range(8, most, 4):
        if not path().possible(z3.Or(of >= 10**count, of <= -(10**count))):
            return count
    return most


class Rounded(Exact):
    """Divisions that keep 60 digits, in a fixed direction."""

    def __init__(self, *, up: bool = False) -> None:
        self.up = up

    def divide(self, one: object, other: object) -> Sym:
        a, b = lifted(one), lifted(other)
        if b == 0:
            raise decimal.DivisionByZero
        if not (path().decide(a.term >= 0) and path().decide(b.term > 0)):
            raise UnprovedError("a number below 0 is divided")
        exact, kept = path().fresh(), path().fresh()
        path().know(exact * b.term == a.term, exact >= 0)
        if self.up:
            path().know(kept >= exact, kept <= exact * term(1 + LAST_DIGIT))
        else:
            path().know(kept <= exact, kept >= exact * term(1 - LAST_DIGIT))
        return made(kept, a.before + b.after, PRECISION - a.before - b.after)


@contextmanager
def symbolic() -> Iterator[None]:
    """The code's decimals are symbols within this."""
    exact, down, up = Exact(), Rounded(), Rounded(up=True)
    quantities = {
        "Decimal": Sym,
        "int": Whole,
        "_EXACT": exact,
        "_DOWN": down,
        "_UP": up,
        "_exact_sum": exact.add,
        "_exact_difference": exact.subtract,
    }
    with (
        mock.patch.multiple("pumpd.quantities", create=True, **quantities),
        mock.patch.multiple("pumpd.pump.capabilities", create=True, _DOWN=down, int=Whole),
    ):
        yield


def every_path(run: Callable[[], None]) -> int:
    """Run the code once for each path that some number takes; how many there are."""
    pending, count = [()], 0
    while pending:
        here = Path(pending.pop())
        _now.append(here)
        try:
            with symbolic():
                run()
            count += 1
        except InfeasibleError:
            pass
        except (ArithmeticError, ValueError, TypeError) as error:
            here.prove(False, f"the code ends with {error!r}")  # no number may lead here
        finally:
            _now.pop()
        pending += here.others
    return count


def unknown(before: int, after: int) -> Sym:
    """Any number above 0 with so many digits, as a person may type it: `Quantity.parse` reads no other."""
    any_number = path().fresh()
    path().know(any_number > 0, any_number < 10**before)
    return made(any_number, before, after, Fraction(1, 10**after))
