"""What an order form learns of the drug library."""

import json

import pytest

from pumpd.dosing.library import load
from pumpd.library.files import CHECKOUT, read_library
from pumpd.messages.library import library_data

SHIPPED = library_data(read_library(CHECKOUT))
FILES = {path.name: path.read_text(encoding="utf-8") for path in CHECKOUT.glob("*.toml")}


def entry(name, data=SHIPPED):
    (found,) = [each for each in data["entries"] if each["id"] == name]
    return found


@pytest.mark.requirement("PRG-25", "PRG-26", "PRG-27")
def test_an_entry_tells_its_substance_and_how_long_an_order_and_the_rest_may_wait():
    found = entry("ketamine-1mg-ml")
    assert (found["drug"], found["substance"]) == ("ketamine", "ketamine")
    assert (found["infusions"], found["maintenance"]) == (6, 2)
    assert found["order_valid"] == "60 min"
    assert found["rest"] == {"within": "120 min", "by_nurse": False}


@pytest.mark.requirement("PRG-18", "PRG-25", "PRG-26")
def test_what_a_site_changed_is_what_the_form_shows():
    text = FILES["ketamine-1mg-ml.toml"]
    for old, new in (
        ("maintenance = 2", 'maintenance = "as ordered"'),
        ('order_valid = "60 min"', 'order_valid = "20 min"'),
        ('rest = { within = "2 h", by_nurse = false }', 'rest = { within = "90 min", by_nurse = true }'),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    found = entry("ketamine-1mg-ml", library_data(load({**FILES, "ketamine-1mg-ml.toml": text})))
    assert found["maintenance"] == "as ordered"
    assert found["order_valid"] == "20 min"
    assert found["rest"] == {"within": "90 min", "by_nurse": True}


@pytest.mark.requirement("PRG-12")
def test_a_container_tells_what_of_it_can_be_given():
    found = {each["name"]: (each["volume_ml"], each["usable_ml"], each["syringe"]) for each in SHIPPED["containers"]}
    assert found["50 mL"] == ("50", "49", True)
    assert found["100 mL bag"] == ("100", "99", False)
    assert found["100 mL bag to empty"] == ("100", "102", False)


def test_it_is_plain_json_without_a_float():
    def no_float(text):
        raise AssertionError(f"{text} is a float")

    assert json.loads(json.dumps(SHIPPED, allow_nan=False), parse_float=no_float) == SHIPPED
