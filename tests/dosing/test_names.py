"""Substances: doses count by key and code, and no two names of a library may be mistaken for each other."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpd.dosing import LibraryError
from pumpd.dosing.library import load
from pumpd.dosing.names import near_equal
from pumpd.library.files import CHECKOUT

FILES = {path.name: path.read_text(encoding="utf-8") for path in CHECKOUT.glob("*.toml")}
TEXT = FILES["ketamine-1mg-ml.toml"]
KETAMINE = 'key = "ketamine", rxnorm = "6130", unii = "690G0D6V8H"'
ESKETAMINE = 'key = "esketamine", rxnorm = "2119365", unii = "50LFG02TXD"'
COUNTS_WITH = 'counts_with = ["esketamine"]'


def entry(name, drug="ketamine", substance=KETAMINE, counts_with=""):
    """The text of an entry."""
    text = TEXT
    for old, new in (
        ('name = "Ketamine 1 mg/mL, constant rate"', f'name = "Entry {name}"'),
        ('id = "ketamine-1mg-ml"', f'id = "{name}"'),
        ('drug = "ketamine"', f'drug = "{drug}"'),
        (KETAMINE, substance),
        (COUNTS_WITH, counts_with),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text


def library(*entries):
    return load({"containers.toml": FILES["containers.toml"], **{f"{text[0]}.toml": text[1] for text in entries}})


def two(one, other):
    """A library of two entries, a and b, each given as the options of `entry`."""
    return library(("a", entry("a", **one)), ("b", entry("b", **other)))


def problems(one, other):
    with pytest.raises(LibraryError) as caught:
        two(one, other)
    return caught.value.problems


ALIKE = [
    ("ketamine", "Ketamine"),
    ("ketamine", "KETAMINE"),
    ("ketamine", "ketamin"),
    ("ketamine", "ketaamine"),
    ("ketamine", "ketamime"),
    ("ketamine", "ketmaine"),
    ("ketamine", "ktamine"),
    ("ketamine", "Ketamine hydrochloride"),
    ("ketamine", "ketamine-hcl"),
    ("ketamine", "ketaminehcl"),
    ("ketamine", "Ketaminhydrochlorid"),
    ("ketamine", "racemic ketamine"),
    ("ketamine", "ketamin hydrochloride"),
    ("ketamine", "keta-mine"),
    ("ketamine", "ketamine."),
    ("ketamine", "ketamine_1"),
    ("ketamine hydrochloride", "hydrochloride ketamine"),
    ("ketamine hydrochloride", "ketamin hydrochlorid"),
    ("ketamine", "S-ketamine"),
]
APART = [
    ("ketamine", "esketamine"),
    ("ketamine", "arketamine"),
    ("racemic ketamine", "esketamine"),
    ("ketamine", "ketorolac"),
    ("dopamine", "dobutamine"),
    ("prednisone", "prednisolone"),
    ("potassium chloride", "sodium chloride"),
    ("epinephrine", "norepinephrine"),
    ("ketamine", "magnesium sulfate"),
]


@pytest.mark.requirement("PRG-27")
@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_two_spellings_of_one_name_are_near_equal(one, other):
    assert near_equal(one, other)
    assert near_equal(other, one)


@pytest.mark.requirement("PRG-27")
@pytest.mark.parametrize(("one", "other"), APART)
def test_two_drugs_are_not_near_equal(one, other):
    assert not near_equal(one, other)
    assert not near_equal(other, one)


LETTERS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12)


@pytest.mark.requirement("PRG-27")
@given(name=LETTERS, letter=st.sampled_from("abcxyz"), data=st.data())
def test_one_typing_error_anywhere_in_any_name_is_near_equal(name, letter, data):
    at = data.draw(st.integers(0, len(name) - 1))
    swapped = name[:at] + name[at : at + 2][::-1] + name[at + 2 :]
    wrong = [name[:at] + letter + name[at:], name[:at] + letter + name[at + 1 :], swapped, name + letter]
    for each in [*wrong, name[:at] + name[at + 1 :] or name, name.upper(), f"{name[:at]}-{name[at:]}", f"{name} salt"]:
        assert near_equal(name, each)
        assert near_equal(each, name)


@pytest.mark.requirement("PRG-27")
@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_a_library_with_two_spellings_of_one_drug_is_refused(one, other):
    (line,) = problems({"drug": one}, {"drug": other})
    assert line.startswith(f"a.toml and b.toml: drug: {one!r} and {other!r} are too alike")


@pytest.mark.requirement("PRG-27")
def test_case_21_of_three_names_for_one_drug_is_refused_for_each_pair():
    names = ("ketamine", "ketamin", "Ketamine hydrochloride")
    with pytest.raises(LibraryError) as caught:
        library(*((name, entry(name, drug=drug)) for name, drug in zip("abc", names, strict=True)))
    assert [line.split(": ")[0] for line in caught.value.problems] == [
        "a.toml and b.toml",
        "a.toml and c.toml",
        "b.toml and c.toml",
    ]


@pytest.mark.requirement("PRG-27")
def test_one_drug_may_have_many_entries_and_a_brand_s_name():
    found = two({"drug": "ketamine"}, {"drug": "Ketalar"})
    assert found.counted(found.entries["a"]) == found.counted(found.entries["b"])


@pytest.mark.requirement("PRG-27")
@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (  # one key, other codes
            {"substance": 'key = "ketamine", rxnorm = "6131", unii = "690G0D6V8H"'},
            ["substance: 'ketamine' has different codes"],
        ),
        (  # one key, fewer codes: which of the two is meant is not certain
            {"substance": 'key = "ketamine", rxnorm = "6130"'},
            ["substance: 'ketamine' has different codes"],
        ),
        (  # two keys, one code
            {"drug": "Ketalar", "substance": 'key = "phencyclidine", rxnorm = "6130"'},
            ["substance: 'ketamine' and 'phencyclidine' share rxnorm:6130"],
        ),
        (
            {"drug": "Ketalar", "substance": 'key = "phencyclidine", unii = "690G0D6V8H"'},
            ["substance: 'ketamine' and 'phencyclidine' share unii:690G0D6V8H"],
        ),
        (  # a drug and its salt have different codes
            {"drug": "Ketalar", "substance": 'key = "dissociative", unii = "O18YUO0I83"'},
            ["substance: 'ketamine' and 'dissociative' are a drug and its salt"],
        ),
        (  # one name, two keys
            {"substance": ESKETAMINE},
            ["substance: 'ketamine' is 'ketamine' in one and 'esketamine' in the other"],
        ),
        (  # a name that is the key of another substance
            {"drug": "ketamin", "substance": ESKETAMINE},
            ["drug: 'ketamine' and 'ketamin' are too alike", "drug: 'ketamin' is too like 'ketamine'"],
        ),
        (  # two keys that are too alike
            {"drug": "Ketalar", "substance": 'key = "ketamin", unii = "50LFG02TXD"'},
            [
                "drug: 'ketamine' is too like 'ketamin'",
                "substance: the keys 'ketamin' and 'ketamine' are too alike",
            ],
        ),
        (  # a misspelt counts_with would count nothing
            {"drug": "esketamine", "substance": ESKETAMINE, "counts_with": 'counts_with = ["ketamin"]'},
            ["counts_with: the keys 'ketamin' and 'ketamine' are too alike"],
        ),
    ],
)
def test_whatever_could_count_a_dose_for_the_wrong_substance_is_refused(other, expected):
    for first, second in permutations(({}, other)):
        found = problems(first, second)
        assert len(found) == len(expected)
        assert all(line.startswith("a.toml and b.toml: ") for line in found)
        words = {frozenset(line.split("'")[1::2]) for line in expected}
        assert {frozenset(line.removeprefix("a.toml and b.toml: ").split("'")[1::2]) for line in found} == words
    assert all(
        line.startswith(f"a.toml and b.toml: {start}")
        for line, start in zip(problems({}, other), expected, strict=True)
    )


@pytest.mark.requirement("PRG-27")
def test_two_substances_need_a_code_of_one_system_unless_they_count_together():
    """One drug with an RxNorm code here and a UNII there would be two."""
    ours = {"substance": 'key = "ketamine", rxnorm = "6130"'}
    theirs = {"drug": "Ketalar", "substance": 'key = "dissociative", unii = "690G0D6V8H"'}
    (problem,) = problems(ours, theirs)
    assert "they may be one drug; give each both codes" in problem
    found = two(ours | {"counts_with": 'counts_with = ["dissociative"]'}, theirs)
    assert found.counted(found.entries["a"]) == found.counted(found.entries["b"])


@pytest.mark.requirement("PRG-27")
def test_an_entry_s_own_keys_are_not_too_alike_either():
    with pytest.raises(LibraryError) as caught:
        library(("a", entry("a", counts_with='counts_with = ["ketamin"]')))
    (line,) = caught.value.problems
    assert line.startswith("a.toml: counts_with: the keys 'ketamin' and 'ketamine' are too alike")


@pytest.mark.requirement("PRG-27")
@pytest.mark.parametrize(
    ("substance", "key", "word"),
    [
        ('key = "ketamine"', "substance", "rxnorm or unii: is missing"),
        ('rxnorm = "6130"', "substance.key", "is missing"),
        ('key = "Ketamine", rxnorm = "6130"', "substance.key", ""),
        ('key = "", rxnorm = "6130"', "substance.key", ""),
        ('key = "ketamine", rxnorm = 6130', "substance.rxnorm", "text of 1 to 8 digits"),
        ('key = "ketamine", rxnorm = "06130"', "substance.rxnorm", "the first not 0"),
        ('key = "ketamine", rxnorm = "123456789"', "substance.rxnorm", "text of 1 to 8 digits"),
        ('key = "ketamine", rxnorm = "6130 "', "substance.rxnorm", "text of 1 to 8 digits"),
        ('key = "ketamine", rxnorm = ""', "substance.rxnorm", "text of 1 to 8 digits"),
        ('key = "ketamine", unii = "690G0D6V8"', "substance.unii", "10 capital letters and digits"),
        ('key = "ketamine", unii = "690g0d6v8h"', "substance.unii", "10 capital letters and digits"),
        ('key = "ketamine", rxnorm = "6130", name = "x"', "substance.name", "unknown key"),
    ],
)
def test_a_substance_needs_a_key_and_a_code_that_can_be_right(substance, key, word):
    with pytest.raises(LibraryError) as caught:
        library(("a", entry("a", substance=substance)))
    (line,) = caught.value.problems
    assert line.startswith(f"a.toml: {key}: ")
    assert word in line


@pytest.mark.requirement("PRG-27")
@pytest.mark.parametrize(
    "unii",
    # ketamine, its hydrochloride, esketamine, methadone, its hydrochloride, water
    ["690G0D6V8H", "O18YUO0I83", "50LFG02TXD", "UC6VBE7V1Z", "229809935B", "059QF0KO0R"],
)
def test_published_codes_are_taken(unii):
    found = library(("a", entry("a", substance=f'key = "x", unii = "{unii}"')))
    assert found.counted(found.entries["a"]) == {"x", f"unii:{unii}"}


@pytest.mark.requirement("PRG-27")
def test_a_library_of_0_1_is_told_what_to_add():
    old = TEXT.replace(f"substance = {{ {KETAMINE} }}", "").replace('id = "ketamine-1mg-ml"', 'id = "a"')
    with pytest.raises(LibraryError) as caught:
        library(("a", old))
    (line,) = caught.value.problems
    assert line.startswith("a.toml: substance: is missing; add what the drug is, with its RxNorm code or its UNII")
    assert line.endswith(f"such as substance = {{ {KETAMINE} }}. A library written for pumpd 0.1 has none")


@pytest.mark.requirement("PRG-27")
@pytest.mark.parametrize(
    ("ketamine", "esketamine", "together"),
    [
        ("", "", False),
        ('counts_with = ["esketamine"]', "", True),
        ("", 'counts_with = ["ketamine"]', True),
        ('counts_with = ["esketamine"]', 'counts_with = ["ketamine"]', True),
    ],
)
def test_ketamine_and_esketamine_count_together_where_either_entry_says_so(ketamine, esketamine, together):
    found = two({"counts_with": ketamine}, {"drug": "esketamine", "substance": ESKETAMINE, "counts_with": esketamine})
    racemate = {"ketamine", "rxnorm:6130", "unii:690G0D6V8H"}
    enantiomer = {"esketamine", "rxnorm:2119365", "unii:50LFG02TXD"}
    assert found.counted(found.entries["a"]) == (racemate | enantiomer if together else racemate)
    assert found.counted(found.entries["b"]) == (racemate | enantiomer if together else enantiomer)


@pytest.mark.requirement("PRG-27")
def test_what_one_entry_says_holds_for_every_entry_of_its_substance():
    texts = (
        ("a", entry("a", counts_with=COUNTS_WITH)),
        ("b", entry("b")),
        ("c", entry("c", drug="esketamine", substance=ESKETAMINE)),
    )
    found = library(*texts)
    assert len({found.counted(each) for each in found.entries.values()}) == 1


@pytest.mark.requirement("PRG-27")
def test_a_substance_without_an_entry_counts_by_its_key():
    found = library(("a", entry("a", counts_with=COUNTS_WITH)))
    assert found.counted(found.entries["a"]) == {"ketamine", "rxnorm:6130", "unii:690G0D6V8H", "esketamine"}
