"""The drug library: what it may contain, and that a bad one is not loaded at all."""

from decimal import Decimal

import pytest

from pumpd.dosing import LibraryError
from pumpd.dosing.canonical import plain_data
from pumpd.dosing.library import load, parse
from pumpd.dosing.library_containers import parse_containers
from pumpd.library.files import CHECKOUT, default_library, read_library
from pumpd.quantities import Concentration, Duration, Rate, Volume
from tests.dosing.samples import LIBRARY

FILES = {path.name: path.read_text(encoding="utf-8") for path in CHECKOUT.glob("*.toml")}
NAME = "ketamine-1mg-ml.toml"
TEXT = FILES[NAME]


def problems(text, name=NAME):
    with pytest.raises(LibraryError) as caught:
        parse(text, name)
    return caught.value.problems


def changed(old, new):
    assert TEXT.count(old) == 1
    return TEXT.replace(old, new)


@pytest.mark.requirement("PRG-10")
def test_ketamine_is_shipped_at_one_and_two_milligrams_per_millilitre_and_in_a_bag_as_separate_entries():
    assert {entry.id: entry.concentration for entry in LIBRARY.entries.values()} == {
        "ketamine-1mg-ml": Concentration(1),
        "ketamine-2mg-ml": Concentration(2),
        "ketamine-1mg-ml-gentle": Concentration(1),
        "ketamine-0.35mg-ml-bag": Concentration("0.35"),
    }


@pytest.mark.requirement("PRG-04", "PRG-05", "PRG-06", "PRG-07", "PRG-09")
@pytest.mark.parametrize("entry", LIBRARY.entries.values(), ids=lambda entry: entry.id)
def test_every_shipped_entry_has_the_catalogue_s_limits(entry):
    def shown(limits):
        return [str(value) for value in (limits.hard_min, limits.soft_min, limits.soft_max, limits.hard_max)]

    assert shown(entry.dose) == ["0.1 mg/kg", "0.3 mg/kg", "0.75 mg/kg", "1 mg/kg"]
    assert shown(entry.duration) == ["2400 s", "2400 s", "2400 s", "6000 s"]
    assert shown(entry.weight) == ["30 kg", "40 kg", "150 kg", "200 kg"]
    assert (str(entry.dose_cap.soft), str(entry.dose_cap.hard)) == ("60 mg", "100 mg")


@pytest.mark.requirement("PRG-14", "PRG-17", "PRG-18")
@pytest.mark.parametrize("entry", LIBRARY.entries.values(), ids=lambda entry: entry.id)
def test_every_shipped_entry_has_the_catalogue_s_course(entry):
    course, day = entry.course, Duration(86_400)
    assert str(course.daily_max) == "1 mg/kg"
    assert (course.infusions, course.maintenance) == (6, 2)
    assert course.hard_max == day.times(28)
    assert (course.soft_min, course.soft_max) == (day.times(Decimal("10.5")), day.times(21))  # 1.5 to 3 weeks
    assert (course.spacing.hard, course.spacing.soft) == (day, Duration(44 * 3600))
    assert course.maintenance_spacing.hard == day


def of_concentration(text):
    """The shipped entry at another concentration, with a name that says so."""
    return TEXT.replace("1 mg/mL", text)


@pytest.mark.requirement("PRG-10")
@pytest.mark.parametrize("text", ["100 mg/mL", "50 mg/mL", "10 mg/mL", "2.001 mg/mL", "9999 µg/mL"])
def test_a_vial_s_concentration_is_refused(text):
    """The label's stronger dilution is the most."""
    assert any("cannot be infused: at most 2 mg/mL (PRG-10)" in line for line in problems(of_concentration(text)))
    assert parse(of_concentration("2 mg/mL"), NAME)


@pytest.mark.requirement("PRG-03", "PRG-24")
@pytest.mark.parametrize(
    "value",
    ['"1"', '"1 mg"', "1", "1.0", '"mg/mL"', '"1e0 mg/mL"', '"NaN mg/mL"', "nan", "inf", "true", '"-1 mg/mL"', "[]"],
)
def test_a_quantity_in_the_library_needs_its_unit(value):
    found = problems(changed('"1 mg/mL"', value))
    assert len(found) == 1
    assert found[0].startswith(f"{NAME}: concentration: ")


@pytest.mark.requirement("PRG-22")
@pytest.mark.parametrize(
    ("old", "looser"),
    [
        ('hard_min = "0.1 mg/kg"', 'hard_min = "0.0999 mg/kg"'),
        ('hard_max = "1 mg/kg"', 'hard_max = "1.0001 mg/kg"'),
        ('hard_min = "40 min"', 'hard_min = "39.999 min"'),
        ('hard_max = "100 min"', 'hard_max = "100.001 min"'),
        ('hard_min = "30 kg"', 'hard_min = "29.99 kg"'),
        ('hard_max = "200 kg"', 'hard_max = "200.01 kg"'),
        ('hard = "100 mg"', 'hard = "100.0001 mg"'),
        ('daily_max = "1 mg/kg"', 'daily_max = "1.0001 mg/kg"'),
        ("infusions = 6", "infusions = 7"),
        ('hard_max = "672 h"', 'hard_max = "672.001 h"'),
        ('soft = "44 h", hard = "24 h"', 'soft = "44 h", hard = "23.999 h"'),
        ("maintenance = 2", "maintenance = 3"),
        ("least_share = 0.1", "least_share = 0.1001"),
        ("least_share = 0.1", "least_share = 1.0"),
        ('rest = { within = "2 h"', 'rest = { within = "120.001 min"'),
    ],
)
def test_a_site_never_loosens_a_hard_limit(old, looser):
    found = problems(changed(old, looser))
    assert len(found) == 1
    assert "is looser than the hard limit" in found[0]


@pytest.mark.parametrize(
    ("old", "tighter"),
    [
        ('hard_min = "0.1 mg/kg"', 'hard_min = "0.2 mg/kg"'),
        ('hard_max = "1 mg/kg"', 'hard_max = "0.75 mg/kg"'),
        ('hard_max = "100 min"', 'hard_max = "40 min"'),
        ('hard_max = "200 kg"', 'hard_max = "150 kg"'),
        ('hard = "100 mg"', 'hard = "60 mg"'),
        ('daily_max = "1 mg/kg"', 'daily_max = "0.5 mg/kg"'),
        ("infusions = 6", "infusions = 1"),
        ('hard_max = "672 h"', 'hard_max = "504 h"'),
        ('soft = "44 h", hard = "24 h"', 'soft = "48 h", hard = "24 h"'),
        ('{ soft = "164 h", hard = "24 h" }', '{ soft = "164 h", hard = "100 h" }'),
        ("maintenance = 2", "maintenance = 0"),
        ("maintenance = 2", 'maintenance = "open-ended"'),
        ("maintenance = 2", 'maintenance = "as ordered"'),
        ("least_share = 0.1", "least_share = 0.05"),
        ("least_share = 0.1", "least_share = 0.0"),
        ('rest = { within = "2 h"', 'rest = { within = "40 min"'),
        ('rest = { within = "2 h", by_nurse = false }', "rest = { by_nurse = true }"),
        ('order_valid = "60 min"', 'order_valid = "5 min"'),
    ],
)
def test_a_site_may_tighten_every_limit(old, tighter):
    assert parse(changed(old, tighter), NAME)


GAPS = ('hard = "24 h", gap = "20 h" }', 'soft = "164 h", hard = "24 h"')  # of spacing, of maintenance_spacing


def with_gaps(sooner, later):
    text = changed(GAPS[0], f'hard = "24 h", gap = "{sooner}" }}')
    assert text.count(GAPS[1]) == 1
    return text.replace(GAPS[1], f'{GAPS[1]}, gap = "{later}"')


@pytest.mark.requirement("PRG-17", "PRG-22")
def test_a_site_may_lengthen_the_gap_from_end_to_start_and_never_shorten_it():
    hours = Duration(3600)
    for sooner, later in ((20, 20), (21, 21), (20, 24), (200, 200)):
        course = parse(with_gaps(f"{sooner} h", f"{later} h"), NAME).course
        assert (course.spacing.gap, course.maintenance_spacing.gap) == (hours.times(sooner), hours.times(later))
    line = f"{NAME}: file: course."
    assert problems(with_gaps("19.999 h", "20 h")) == [
        f"{line}spacing.gap 71996.4 s is looser than the hard limit 1200 min"
    ]
    assert any("must not be shorter than spacing" in each for each in problems(with_gaps("21 h", "20 h")))
    assert any("must not be shorter" in each for each in problems(with_gaps("20 h", "19.999 h")))


@pytest.mark.requirement("PRG-26", "PRG-22")
@pytest.mark.parametrize("value", ["60.001 min", "2 h", "4.999 min", "1 s"])
def test_the_life_of_an_order_is_between_five_minutes_and_an_hour(value):
    (line,) = problems(changed('order_valid = "60 min"', f'order_valid = "{value}"'))
    assert line.endswith("is not between 5 min and 60 min")


@pytest.mark.requirement("PRG-25", "PRG-26", "PRG-17", "PRG-18")
def test_what_an_entry_does_not_state_is_the_catalogue_s():
    text = TEXT
    for line in ("order_valid = ", "rest = ", "least_share = ", "counts_with = "):
        assert text.count(f"\n{line}") == 1
        start = text.index(f"\n{line}")
        text = text[:start] + text[text.index("\n", start + 1) :]
    entry = parse(text.replace(', gap = "20 h"', ""), NAME)
    assert entry.order_valid == Duration(3600)
    assert (entry.rest.within, entry.rest.by_nurse) == (Duration(7200), False)
    assert entry.course.least_share == Decimal("0.1")
    assert entry.course.spacing.gap == entry.course.maintenance_spacing.gap == Duration(20 * 3600)
    assert entry.counts_with == ()


@pytest.mark.parametrize("value", ["-1", "2.0", "true", '"2"', '"for ever"', '"Open-ended"', "[2]", "nan"])
def test_maintenance_is_a_number_or_one_of_two_words(value):
    assert problems(changed("maintenance = 2", f"maintenance = {value}")) == [
        f'{NAME}: course.maintenance: is a whole number, "open-ended" or "as ordered"'
    ]


@pytest.mark.parametrize("value", ["1", "0", "nan", "-0.1", "1.1", '"0.1"', '"10 %"', "true", "0.00001"])
def test_a_least_share_is_a_plain_number_between_0_and_1(value):
    (line,) = problems(changed("least_share = 0.1", f"least_share = {value}"))
    assert line.startswith(f"{NAME}: course.least_share: a share is a number between 0 and 1")


@pytest.mark.requirement("PRG-25")
@pytest.mark.parametrize(
    ("rest", "key"),
    [
        ('{ within = "120" }', "rest.within"),
        ("{ within = 120 }", "rest.within"),
        ('{ within = "0 min" }', "rest.within"),
        ('{ by_nurse = "yes" }', "rest.by_nurse"),
        ("{ by_nurse = 1 }", "rest.by_nurse"),
        ('{ after = "1 h" }', "rest.after"),
        ('"2 h"', "rest"),
    ],
)
def test_a_rest_that_cannot_be_read_is_refused(rest, key):
    (line,) = problems(changed('{ within = "2 h", by_nurse = false }', rest))
    assert line.startswith(f"{NAME}: {key}: ")


@pytest.mark.requirement("PRG-16")
@pytest.mark.parametrize("value", ['"1 mL/h"', '"0.1 mL/h"', '"0 mL/h"', "0", "1", '""', "true", '"00"'])
def test_a_library_that_asks_for_kvo_is_refused(value):
    assert problems(changed('kvo = "0"', f"kvo = {value}")) == [
        f'{NAME}: kvo: KVO must be "0": pumpd never gives drug to keep a vein open (PRG-16)'
    ]


@pytest.mark.requirement("PRG-16")
def test_kvo_is_zero_by_default():
    assert parse(changed('kvo = "0"', ""), NAME).kvo == "0"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (changed('kvo = "0"', 'kvo = "0"\nkov = "0"'), "kov"),
        (changed("[dose_cap]", "[dose_cap]\nsofter = 1"), "dose_cap.softer"),
        (changed("[weight]", "[weight]\ndefault = 1"), "weight.default"),
        (changed("infusions = 6", "infusions = 6\nweekly = 2"), "course.weekly"),
        (changed('gap = "20 h"', 'gap = "20 h", least = "20 h"'), "course.spacing.least"),
        (changed('rxnorm = "6130"', 'rxnorm = "6130", atc = "N01AX03"'), "substance.atc"),
        (changed('order_valid = "60 min"', 'order_valid = "60 min"\norder_valid_s = 60'), "order_valid_s"),
        (TEXT + "\n[[profile]]\ntime = 0.5\ndose = 0.5\nrate = 1\n", "profile.0.rate"),
    ],
)
def test_an_unknown_key_is_an_error_that_names_file_and_key(text, key):
    assert f"{NAME}: {key}: unknown key" in problems(text)


def test_every_problem_of_every_file_is_listed():
    files = {
        **FILES,
        NAME: changed('"1 mg/mL"', '"1"').replace('drug = "ketamine"', ""),
        "ketamine-2mg-ml.toml": "id = ",
        "spare.toml": FILES["ketamine-2mg-ml.toml"],
    }
    with pytest.raises(LibraryError) as caught:
        load(files)
    starts = [line.split(": ")[:2] for line in caught.value.problems]
    assert starts == [
        [NAME, "drug"],
        [NAME, "concentration"],
        ["ketamine-2mg-ml.toml", "not valid TOML"],
        ["spare.toml", "id"],
    ]


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ('soft_min = "0.3 mg/kg"', 'soft_min = "0.05 mg/kg"', "hard_min <= soft_min"),
        ('soft_max = "0.75 mg/kg"', 'soft_max = "0.2 mg/kg"', "hard_min <= soft_min"),
        ('default = "0.5 mg/kg"', 'default = "0.8 mg/kg"', "outside the soft limits"),
        ('soft = "60 mg"', 'soft = "101 mg"', "soft <= hard"),
        ('containers = ["50 mL", "60 mL", "20 mL", "10 mL", "100 mL bag"]', "containers = []", "containers"),
        ('soft_min = "252 h"', 'soft_min = "505 h"', "soft_min <= soft_max <= hard_max"),
        ('soft_max = "504 h"', 'soft_max = "673 h"', "soft_min <= soft_max <= hard_max"),
        ('soft = "44 h", hard = "24 h"', 'soft = "23 h", hard = "24 h"', "hard <= soft"),
        ('soft = "164 h", hard = "24 h"', 'soft = "43 h", hard = "24 h"', "must not be shorter"),
        ('soft = "44 h", hard = "24 h"', 'soft = "44 h", hard = "25 h"', "must not be shorter"),
        ("infusions = 6", "infusions = 0", "infusions"),
        ("infusions = 6", "infusions = true", "infusions"),
        ("infusions = 6", "infusions = 6.0", "infusions"),
        ("maintenance = 2", "maintenance = -1", "maintenance"),
        ('id = "ketamine-1mg-ml"', 'id = "Ketamine"', "id"),
        ('id = "ketamine-1mg-ml"', 'id = "other"', "belongs in a file named other.toml"),
    ],
)
def test_an_entry_that_contradicts_itself_is_refused(old, new, word):
    assert any(word in line for line in problems(changed(old, new)))


def step(time, dose):
    return f"\n[[profile]]\ntime = {time}\ndose = {dose}\n"


@pytest.mark.parametrize(
    ("profile", "word"),
    [
        (step(0.25, 0.125) + step(0.75, 0.8), "shares of dose sum to 0.925"),
        (step(0.25, 0.125) + step(0.7, 0.875), "shares of time sum to 0.95"),
        (step(0.5, 0.7) + step(0.5, 0.3), "more than 1.25 times the mean rate"),
        (step(0.5, 0.5), "sum to 0.5"),
        (step(1, 1), "a share is a number"),
        (step(0.0, 0.5) + step(1.0, 0.5), "a share is a number"),
        (step("nan", 0.5) + step(0.5, 0.5), "a share is a number"),
        (step('"0.5"', 0.5) + step(0.5, 0.5), "a share is a number"),
        (step("-0.5", 0.5) + step(0.5, 0.5), "a share is a number"),
        (step(0.5000001, 0.5) + step(0.4999999, 0.5), "a share is a number"),
    ],
)
def test_a_profile_gives_the_whole_dose_in_the_whole_time_without_a_bolus(profile, word):
    assert any(word in line for line in problems(TEXT + profile))


@pytest.mark.requirement("PRG-15", "PRG-22")
def test_a_profile_may_run_at_its_highest_share_and_no_higher():
    assert parse(TEXT + step(0.4, 0.5) + step(0.6, 0.5), NAME).profile[0].dose == Decimal("0.5")
    assert problems(TEXT + step(0.4, 0.500001) + step(0.6, 0.499999))


@pytest.mark.requirement("PRG-12")
def test_a_dead_volume_is_one_millilitre_by_default():
    table = '[[container]]\nname = "50 mL"\nvolume = "50 mL"\nminimum_rate = "1 mL/h"\ndiameter = "29.2 mm"\n'
    assert str(parse_containers(table)["50 mL"].dead_volume) == "1 mL"


def bag(more="", volume="100 mL"):
    return f'[[container]]\nname = "bag"\nvolume = "{volume}"\n{more}'


@pytest.mark.requirement("PRG-12")
@pytest.mark.parametrize(
    ("more", "usable"),
    [
        ("", "99"),
        ('overfill = "7 mL"', "106"),
        ('overfill = "7 mL"\ndead_volume = "5 mL"', "102"),
        ('overfill = "20 mL"\ndead_volume = "0.1 mL"', "119.9"),
    ],
)
def test_a_bag_gives_its_volume_and_its_overfill_without_the_dead_volume(more, usable):
    assert parse_containers(bag(more))["bag"].usable == Volume(usable)


@pytest.mark.requirement("PRG-12", "PRG-22")
@pytest.mark.parametrize(
    ("more", "word"),
    [
        ('overfill = "20.01 mL"', r"overfill 20.01 mL is more than 20 % of 100 mL"),
        ('overfill = "7"', r"container\.0\.overfill: "),
        ("overfill = 7", r"container\.0\.overfill: "),
        ('overfill = "0 mL"', r"container\.0\.overfill: "),
        ('overfil = "7 mL"', r"container\.0\.overfil: unknown key"),
        ('overfill = "7 mL"\ndiameter = "29.2 mm"\nminimum_rate = "1 mL/h"', "a syringe holds its volume and no more"),
        ('overfill = "7 mL"\ndead_volume = "100 mL"', "leaves nothing"),
    ],
)
def test_an_overfill_that_cannot_be_is_refused(more, word):
    with pytest.raises(LibraryError, match=word):
        parse_containers(bag(more))


@pytest.mark.requirement("PRG-13", "PRG-22")
@pytest.mark.parametrize(
    ("size", "least", "below"),
    [("50", "1", "0.999"), ("60", "1", "0.999"), ("20", "0.5", "0.499"), ("10", "0.1", "0.099")],
)
def test_the_least_rate_of_a_syringe_cannot_be_loosened(size, least, below):
    def table(rate):
        return f'[[container]]\nname = "x"\nvolume = "{size} mL"\nminimum_rate = "{rate} mL/h"\ndiameter = "20 mm"\n'

    assert parse_containers(table(least))["x"].minimum_rate == Rate(least)
    with pytest.raises(LibraryError, match="PRG-13"):
        parse_containers(table(below))


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ('name = "x"\nvolume = "50 mL"\ndiameter = "20 mm"', "a syringe needs its lowest recommended rate"),
        ('name = "x"\nvolume = "1 mL"\n', "leaves nothing"),
        ('name = "x"\nvolume = "50"\n', "volume"),
        ('name = "x"\nvolume = "50 mL"\ncolour = "red"', "container.0.colour: unknown key"),
        (
            'name = "x"\nvolume = "50 mL"\n[[container]]\nname = "x"\nvolume = "20 mL"',
            "two containers",
        ),
    ],
)
def test_a_container_that_cannot_be_used_is_refused(table, word):
    with pytest.raises(LibraryError, match=word):
        parse_containers(f"[[container]]\n{table}")


@pytest.mark.requirement("PRG-12")
def test_a_file_of_containers_without_any_is_refused():
    """Otherwise no entry's containers would be checked."""
    with pytest.raises(LibraryError, match=r"containers\.toml: container: "):
        parse_containers("container = []")
    with pytest.raises(LibraryError, match=r"containers\.toml: container: "):
        load({**FILES, "containers.toml": "container = []"})


def test_a_library_needs_its_containers_and_its_entries():
    with pytest.raises(LibraryError, match=r"containers\.toml: missing"):
        load({NAME: TEXT})
    with pytest.raises(LibraryError, match="no entry"):
        load({"containers.toml": FILES["containers.toml"]})
    with pytest.raises(LibraryError, match=r"ketamine-1mg-ml\.toml: containers: '5 mL' is not in"):
        load({**FILES, NAME: changed('"10 mL"', '"5 mL"')})


def test_the_digest_follows_the_meaning_and_not_the_layout():
    assert load({**FILES, NAME: "# another comment\n" + TEXT}).digest == LIBRARY.digest
    assert load({**FILES, NAME: changed('soft = "60 mg"', 'soft = "59 mg"')}).digest != LIBRARY.digest


def test_a_library_cannot_be_changed_once_loaded():
    with pytest.raises(TypeError):
        LIBRARY.entries["x"] = LIBRARY.entries["ketamine-1mg-ml"]
    with pytest.raises(ValueError, match="frozen"):
        LIBRARY.entries["ketamine-1mg-ml"].concentration = Concentration(2)


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(LibraryError, match="is not a directory"):
        read_library(tmp_path / "none")
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe")
    (tmp_path / "worse.toml").mkdir()
    with pytest.raises(LibraryError) as caught:
        read_library(tmp_path)
    assert [line.rsplit("/", 1)[1].split(": ")[:2] for line in caught.value.problems] == [
        ["bad.toml", "is not UTF-8 text"],
        ["worse.toml", "cannot be read"],
    ]


def test_the_library_that_is_used_by_default_loads():
    assert read_library(default_library()).entries


def test_a_name_says_the_entry_s_concentration_and_no_other_entry_has_it():
    assert LIBRARY.entries["ketamine-1mg-ml"].name == "Ketamine 1 mg/mL, constant rate"
    wrong = changed('name = "Ketamine 1 mg/mL,', 'name = "Ketamine 2 mg/mL,')
    assert any("says 2 mg/mL, the concentration is 1 mg/mL" in each for each in problems(wrong))
    same = changed("mL, constant rate", "mL, gentle start")
    with pytest.raises(LibraryError, match="is the name of ketamine-1mg-ml"):
        load({**FILES, NAME: same})


def test_a_library_without_names_keeps_the_digest_that_was_signed():
    """The name was added to a format that sites have signed: without one, its key is not in the canonical form."""
    named = LIBRARY.entries["ketamine-1mg-ml"]
    assert plain_data(named)["name"] == named.name
    assert "name" not in plain_data(named.model_copy(update={"name": None}))
