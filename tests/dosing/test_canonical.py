"""The canonical text and its digest are a format: what is signed and journalled today must have this digest for ever.

The texts below were written by hand and their digests come from `sha256sum`. If one of them has to change, every
signature, every stored confirmation and every pinned library of the field is void.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated

import pytest
from pydantic import BaseModel

from pumpd.dosing.canonical import IF_GIVEN, canonical, plain_data, sha256_of
from pumpd.dosing.refusal import Refusal, Refusals
from pumpd.pump import PumpKind, PumpProgram, RateStep
from pumpd.quantities import Length, Rate, Volume
from tests.dosing.samples import program


@dataclass(frozen=True)
class Sample:
    """One of each kind of value; the fields are not in the order of the alphabet."""

    volume: Volume = Volume("35.00")
    drug: str = "Kétamine 0,5 µg"
    kind: StrEnum = PumpKind.SYRINGE
    share: Decimal = Decimal("0.10")
    none: None = None
    on: bool = True
    list: tuple[object, ...] = ("a", (Volume(35),))
    zz: object = field(default_factory=lambda: MappingProxyType({1: 2}))
    empty: str = ""


TEXT = (
    '{"drug":"Kétamine 0,5 µg","empty":"","kind":"syringe","list":["a",["35 mL"]],"none":null,"on":true,'
    '"share":"0.1","volume":"35 mL","zz":{"1":2}}'
)
DIGEST = "ef1688d07af19f1f64db55c61411f23e68ed48023aa06b4b64b0bcbbbc96fedb"


@pytest.mark.requirement("PRG-20")
def test_the_canonical_text_and_its_digest_are_these():
    """Keys are sorted, there are no spaces, and letters outside ASCII stay as they are, in UTF-8."""
    assert canonical(Sample()) == TEXT
    assert sha256_of(Sample()) == DIGEST


@pytest.mark.requirement("PRG-20")
def test_the_program_of_a_pump_has_this_text():
    steps = (RateStep(Rate("52.5"), Volume("17.50")), RateStep(Rate(30), Volume("0.125")))
    assert canonical(PumpProgram(steps, Length("29.2"))) == (
        '{"diameter":"29.2 mm","steps":'
        '[{"rate":"52.5 mL/h","volume":"17.5 mL"},{"rate":"30 mL/h","volume":"0.125 mL"}]}'
    )


@pytest.mark.requirement("PRG-20")
def test_an_order_s_program_has_these_parts_in_this_form():
    text = program().canonical
    container = '"dead_volume":"1 mL","diameter":"29.2 mm","minimum_rate":"1 mL/h","name":"50 mL","overfill":"0 mL"'
    prescription = (
        '"container":"50 mL","course":"","dose_per_weight":"0.5 mg/kg","duration":"2400 s","entry":"ketamine-1mg-ml",'
        '"ordered_by":"","patient":"","previous_weight":null,"weight":"70 kg","weight_basis":"actual"'
    )
    steps = '"diameter":"29.2 mm","steps":[{"rate":"52.5 mL/h","volume":"35 mL"}]'
    begin = f'{{"container":{{{container},"volume":"50 mL"}},"continues":null,"dose":"35 mg","entry":{{'
    end = f'"prescription":{{{prescription}}},"pump_program":{{{steps}}},"treatment":"","warnings":[]}}'
    assert text.startswith(begin)
    assert '"family":"sample","given":"0 mL","library":"' in text
    assert text.endswith(f'"manifest":null,"overrides":[],{end}')


class Format(BaseModel):
    """A format to which `later` was added after the first of them were signed."""

    first: int | None
    later: Annotated[str | None, IF_GIVEN] = None


def test_a_field_that_came_later_is_left_out_while_it_is_none_and_only_then():
    assert plain_data(Format(first=None)) == {"first": None}
    assert plain_data(Format(first=1, later="")) == {"first": 1, "later": ""}


def test_refusals_as_text_are_all_their_reasons():
    both = Refusals([Refusal("dose", "too high", "PRG-05"), Refusal("weight", "missing")])
    assert str(both) == "dose: too high (PRG-05); weight: missing"
