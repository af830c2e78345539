"""Doses and the treatments that they are part of: whose they are, of what, in how many parts, and in any order."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpd.dosing.history import History, Wanted, position, weight_on_record
from pumpd.dosing.history_limits import objections, warnings
from pumpd.dosing.library import Substance
from pumpd.quantities import Mass, Weight
from tests.dosing.past import DAY, HOUR, NOW, RULES, WANTED, began, dose, history, refused, started
from tests.dosing.samples import LIBRARY

KETAMINE = Substance(key="ketamine", rxnorm="6130", unii="690G0D6V8H")

# -- whose doses, and of what ------------------------------------------------------------------------------------------


def test_only_this_patient_s_doses_of_this_substance_count():
    other = dose(NOW - HOUR, session="x", drug="esketamine", substance=frozenset({"esketamine"}))
    assert refused([dose(NOW - HOUR, patient="P-18"), other]) == []


def test_another_spelling_of_the_patient_does_not_hide_a_dose():
    assert refused([dose(NOW - HOUR, patient="p-17")]) == ["PRG-17"]


@pytest.mark.requirement("PRG-27")
@pytest.mark.parametrize("known", ["ketamine", "rxnorm:6130", "unii:690G0D6V8H"])
def test_a_dose_is_known_by_the_key_or_by_any_code_of_its_substance(known):
    one = dose(NOW - HOUR, drug="Ketanest", substance=frozenset({"site-key", known}))
    assert len(History.of([one], "P-17", KETAMINE.identifiers).treatments) == 1
    strange = replace(one, substance=frozenset({"site-key", known + "0"}))
    assert History.of([strange], "P-17", KETAMINE.identifiers).treatments == ()


@pytest.mark.requirement("PRG-27")
@pytest.mark.parametrize("drug", ["ketamine", "ketamin", "Ketamine hydrochloride", "KETAMINE", "ketmaine"])
def test_a_dose_of_version_0_1_counts_by_a_name_that_is_near_equal(drug):
    old = dose(NOW - HOUR, drug=drug, substance=frozenset({f"name:{drug}"}))
    assert len(History.of([old], "P-17", KETAMINE.identifiers).treatments) == 1


@pytest.mark.requirement("PRG-27")
@pytest.mark.parametrize("drug", ["esketamine", "midazolam"])
def test_a_dose_of_version_0_1_by_the_name_of_another_drug_does_not_count(drug):
    old = dose(NOW - HOUR, drug=drug, substance=frozenset({f"name:{drug}"}))
    assert History.of([old], "P-17", KETAMINE.identifiers).treatments == ()


@pytest.mark.requirement("PRG-27")
def test_a_dose_by_a_library_that_had_another_key_for_the_drug_counts_by_its_name():
    other_key = frozenset({"racemate", "unii:690G0D6V8H"})
    now = frozenset({"ketamine", "rxnorm:6130"})
    assert len(History.of([began(NOW - HOUR, substance=other_key)], "P-17", now).treatments) == 1
    assert History.of([began(NOW - HOUR, substance=other_key, drug="midazolam")], "P-17", now).treatments == ()


@pytest.mark.requirement("PRG-27")
@pytest.mark.parametrize("says_so", ["ketamine", "esketamine"])
def test_two_substances_count_together_in_both_directions_whichever_entry_says_so(says_so):
    mine = LIBRARY.entries["ketamine-1mg-ml"]
    other = Substance(key="esketamine", rxnorm="2119365")
    theirs = mine.model_copy(update={"id": "esketamine-1mg-ml", "drug": "esketamine", "substance": other})
    partner = {"ketamine": "esketamine", "esketamine": "ketamine"}[says_so]
    mine, theirs = (
        each.model_copy(update={"counts_with": (partner,) if each.substance.key == says_so else ()})
        for each in (mine, theirs)
    )
    library = replace(LIBRARY, entries={mine.id: mine, theirs.id: theirs})
    own = began(NOW - HOUR, session="a")
    others = began(NOW - HOUR, session="b", substance=other.identifiers, drug="esketamine")
    for entry in (mine, theirs):
        assert len(History.of([own, others], "P-17", library.counted(entry)).treatments) == 2
    apart = {each.id: each.model_copy(update={"counts_with": ()}) for each in (mine, theirs)}
    library = replace(LIBRARY, entries=apart)
    for entry in apart.values():
        assert len(History.of([own, others], "P-17", library.counted(entry)).treatments) == 1


# -- the weight on record ----------------------------------------------------------------------------------------------


@pytest.mark.requirement("PRG-07")
def test_the_weight_on_record_is_that_of_the_last_session_of_any_substance():
    first, last = started(9, weight=Weight(50), weight_basis="ideal"), started(5, weight=Weight(52))
    other = started(3, weight=Weight(54), weight_basis="actual", substance=frozenset({"midazolam"}), session="m")
    stranger = started(1, weight=Weight(99), patient="P-18")
    for doses in ([*first, *last, *other, *stranger], [*stranger, *other, *last, *first]):
        found = weight_on_record(doses, "p-17")
        assert (found.weight, found.basis, found.at_ns) == (Weight(54), "actual", NOW - 3 * DAY)
    assert weight_on_record(stranger, "P-17") is None


@pytest.mark.requirement("PRG-07")
def test_an_order_that_gave_nothing_leaves_no_weight_on_record():
    """Nor does one that waits for its confirmation: it has the weight that is being entered now."""
    waiting = dose(NOW, given="0", still=Mass(35), running=True, weight=Weight(110))
    nothing = dose(NOW, given="0", weight=Weight(110))
    before = started(5, weight=Weight(50))
    assert weight_on_record([*before, waiting, nothing], "P-17").weight == Weight(50)
    assert weight_on_record([*before, replace(nothing, uncertain=True)], "P-17").weight == Weight(110)
    assert weight_on_record([*before, replace(waiting, given=Mass(1))], "P-17").weight == Weight(110)


# -- treatments --------------------------------------------------------------------------------------------------------


def in_parts(whole, *masses):
    """The dose as a treatment of several deliveries with these masses; the first one's order is the whole treatment."""
    length = (whole.ended_ns - whole.started_ns) // len(masses)
    parts, left = [], whole.ordered
    for number, mass in enumerate(masses):
        at = whole.started_ns + number * length
        last = number == len(masses) - 1
        end = whole.ended_ns if last else at + length
        session = whole.session if number == 0 else f"{whole.session}-{number}"
        parts.append(
            replace(
                whole,
                session=session,
                treatment=whole.session if number else "",
                started_ns=at,
                ended_ns=end,
                seen_ns=whole.seen_ns if last else end,
                given=mass,
                ordered=left,
                still=whole.still if last else Mass(0),
                running=whole.running and last,
                uncertain=False,
            )
        )
        left = max(left - mass, Mass(0)) if mass <= left else Mass(0)
    return parts


@pytest.mark.requirement("PRG-25", "PRG-18")
def test_a_treatment_in_three_deliveries_is_one_infusion_of_the_course():
    whole = began(NOW - 5 * DAY, session="first")
    parts = in_parts(whole, Mass(10), Mass(5), Mass(20))
    [treatment] = history(*parts).treatments
    assert (treatment.id, treatment.prescribed, treatment.worst) == ("first", Mass(35), Mass(35))
    assert (treatment.started_ns, treatment.ended_ns) == (whole.started_ns, whole.ended_ns)
    assert [each.session for each in treatment.deliveries] == ["first", "first-1", "first-2"]
    assert str(position(history(*parts), WANTED, NOW, RULES)) == "infusion 2 of 6"


@pytest.mark.requirement("PRG-25", "PRG-18")
def test_the_share_that_takes_a_place_is_of_all_deliveries_together():
    whole = began(NOW - 5 * DAY, session="first")
    assert str(position(history(*in_parts(whole, Mass(2), Mass("1.5"))), WANTED, NOW, RULES)) == "infusion 2 of 6"
    assert str(position(history(*in_parts(whole, Mass(2), Mass("1.4"))), WANTED, NOW, RULES)) == "infusion 1 of 6"


@pytest.mark.requirement("PRG-25", "PRG-18")
def test_the_rest_of_a_treatment_has_the_position_of_its_treatment():
    past = [*started(9, 7), *in_parts(began(NOW - HOUR, session="first"), Mass(10), Mass(5))]
    assert str(position(history(*past), WANTED, NOW, RULES)) == "infusion 4 of 6"
    rest = Wanted(Mass(20), Weight(70), treatment="first")
    assert str(position(history(*past), rest, NOW, RULES)) == "infusion 3 of 6"


# -- any history -------------------------------------------------------------------------------------------------------

MASSES = st.integers(0, 1000).map(lambda tenths: Mass(tenths).times(Decimal("0.1")))
LENGTHS = st.integers(0, 2 * HOUR)
TREATMENTS = [*[f"t{number}" for number in range(4)], ""]


@st.composite
def past_doses(draw):
    ended = draw(st.integers(NOW - 70 * DAY, NOW + 3 * DAY))
    plain = dose(ended, session=str(draw(st.uuids())), lasted_ns=draw(LENGTHS))
    return replace(
        plain,
        ordered=draw(MASSES),
        given=draw(MASSES),
        still=draw(MASSES),
        running=draw(st.booleans()),
        uncertain=draw(st.booleans()),
        course=draw(st.sampled_from(["", "", "", "2"])),
    )


@st.composite
def deliveries(draw):
    """Doses of which several may belong to one treatment, whose first one may be on record or not."""
    return replace(draw(past_doses()), treatment=draw(st.sampled_from(TREATMENTS)), course="")


HISTORIES = st.lists(past_doses(), max_size=10)
DAY_FREE = re.compile(r"; not before ([-0-9]+ [:0-9]+) UTC(?!,)")  # of PRG-14: the others say how much later that is


def day(ns):
    return datetime.fromtimestamp(ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S")


def reasons_against(doses):
    past = history(*doses)
    return objections(past, WANTED, NOW, RULES), warnings(past, WANTED, NOW, RULES)


@given(st.lists(deliveries(), max_size=10, unique_by=lambda each: each.session), st.randoms(use_true_random=False))
def test_the_order_of_doses_does_not_matter(doses, random):
    mixed = random.sample(doses, len(doses))
    assert history(*mixed) == history(*doses)
    assert reasons_against(mixed) == reasons_against(doses)


@given(HISTORIES, past_doses(), st.lists(st.integers(0, 100), min_size=1, max_size=3))
def test_a_treatment_in_parts_is_the_same_treatment(others, whole, shares):
    """However many deliveries a treatment took, the same is refused and warned of, for the same reasons. Only the day's
    dose is free no later: a part that has ended leaves the 24 hours earlier than the whole.
    """
    whole = replace(whole, uncertain=False, given=whole.given + Mass(1))
    total = Decimal(sum(shares) + 1)
    masses = [Mass((whole.given.decimal * share / total).quantize(Decimal("0.001"), ROUND_DOWN)) for share in shares]
    parts = in_parts(whole, whole.given - sum(masses, Mass(0)), *masses)
    if not parts[-1].worst:  # a delivery that gave nothing is not on record, nor are its instants
        return

    def found(doses):
        past = history(*doses)
        hard, soft = reasons_against(doses)
        names = re.compile(f"{whole.session}-[0-9]")  # a reason names the delivery that must be corrected
        said = names.sub(whole.session, f"{hard} {soft} {position(past, WANTED, NOW, RULES)}")
        return DAY_FREE.sub("", said), DAY_FREE.findall(said)

    (reasons, free), (reasons_of_whole, free_of_whole) = found([*others, *parts]), found([*others, whole])
    assert reasons == reasons_of_whole
    assert len(free) == len(free_of_whole) <= 1
    longest = timedelta(microseconds=(whole.ended_ns - whole.started_ns) // 1000, seconds=1)  # shown to the second
    for earlier, later in zip(free, free_of_whole, strict=True):
        assert timedelta(0) <= datetime.fromisoformat(later) - datetime.fromisoformat(earlier) <= longest


@pytest.mark.requirement("PRG-14")
def test_a_part_of_a_treatment_leaves_the_day_24_hours_after_its_own_end():
    whole = dose(NOW - 10 * HOUR, given="80", lasted_ns=2 * HOUR)
    ((first, second), of_whole) = in_parts(whole, Mass(60), Mass(20)), reasons_against([whole])[0][-1].reason
    assert DAY_FREE.findall(of_whole) == [day(NOW + 14 * HOUR)]
    assert DAY_FREE.findall(reasons_against([first, second])[0][-1].reason) == [day(NOW + 13 * HOUR)]


@given(HISTORIES, past_doses())
def test_one_more_dose_never_removes_a_refusal(doses, more):
    """Nor a soft limit, except the two that need doses: a course just begun, and one that is too slow."""

    def strict(found):
        refusals, soft = found
        hard = {(refusal.field, refusal.requirement) for refusal in refusals}
        return hard | {limit.id for limit in soft if limit.id not in ("course_new", "course_slow")}

    assert strict(reasons_against([*doses, more])) >= strict(reasons_against(doses))


@given(HISTORIES, past_doses(), st.integers(-90 * DAY, 90 * DAY))
def test_one_more_dose_never_makes_a_refused_infusion_an_allowed_one(doses, more, shift_ns):
    """At any time, even before doses on record."""
    now_ns = NOW + shift_ns
    before, after = (objections(history(*each), WANTED, now_ns, RULES) for each in (doses, [*doses, more]))
    assert after or not before


@given(st.lists(deliveries(), max_size=8, unique_by=lambda each: each.session), deliveries())
def test_one_more_delivery_never_makes_a_refused_infusion_an_allowed_one(doses, more):
    before, after = (objections(history(*each), WANTED, NOW, RULES) for each in (doses, [*doses, more]))
    assert after or not before
