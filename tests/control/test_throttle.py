"""SEC-15: how long wrong PINs make whom wait. The clock is an argument."""

import itertools

import pytest

from pumpd.control.tablets.throttle import DAY_NS, HOUR_NS, MINUTE_NS, MOST_KEPT, Throttle

pytestmark = pytest.mark.requirement("SEC-15")

S = 10**9


def guess(throttle: Throttle, place: str, account: str, until_ns: int, now_ns: int = 0) -> list[int]:
    """Guess as fast as it goes, always wrong; the instants at which a PIN was checked."""
    checked = []
    while now_ns < until_ns:
        if left := throttle.left_ns(place, account, now_ns):
            now_ns += left
        else:
            throttle.failed(place, account, now_ns)
            checked.append(now_ns)
            now_ns += S // 10
    return checked


def test_the_wait_doubles_with_each_wrong_pin_up_to_an_hour():
    throttle = Throttle()
    checked = guess(throttle, "a", "weiss", 6 * HOUR_NS)
    gaps = [round((after - before) / MINUTE_NS) for before, after in itertools.pairwise(checked)]
    assert gaps[:4] == [0] * 4
    assert gaps[4:12] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_day_of_guessing_at_one_tablet_is_33_pins():
    """Five at once, six in the next 63 minutes (1 + 2 + 4 + 8 + 16 + 32), then one an hour in the other 22.95 hours."""
    assert len(guess(Throttle(), "a", "weiss", DAY_NS)) == 5 + 6 + 22


def test_only_the_right_pin_of_the_same_person_at_the_same_tablet_ends_the_count():
    throttle = Throttle()
    for _ in range(5):
        throttle.failed("a", "weiss", 0)
    throttle.succeeded("a", "blau")
    throttle.succeeded("b", "weiss")
    assert throttle.left_ns("a", "weiss", 0) == MINUTE_NS
    assert throttle.left_ns("b", "weiss", 0) == 0
    assert throttle.left_ns("a", "blau", 0) == 0
    throttle.succeeded("a", "weiss")
    assert throttle.left_ns("a", "weiss", 0) == 0


def test_the_wrong_pins_of_yesterday_are_forgotten():
    throttle = Throttle()
    for _ in range(8):
        throttle.failed("a", "weiss", 0)
    throttle.failed("a", "weiss", DAY_NS)
    assert throttle.left_ns("a", "weiss", DAY_NS) == 0


def test_one_pin_tried_for_all_badges_at_a_tablet_is_20_an_hour_and_another_tablet_is_free():
    throttle = Throttle()
    for number in range(20):
        assert throttle.left_ns("a", f"person {number}", number * S) == 0
        throttle.failed("a", f"person {number}", number * S)
        throttle.succeeded("a", "the insider")  # a good PIN of one's own resets nothing
    assert throttle.left_ns("a", "person 21", 20 * S) == HOUR_NS - 20 * S
    assert throttle.left_ns("b", "person 21", 20 * S) == 0
    assert throttle.left_ns("a", "person 21", HOUR_NS) == 0


def test_guessing_from_many_tablets_is_bounded_and_does_not_lock_the_nurse_out_where_she_works():
    throttle = Throttle()
    throttle.succeeded("her tablet", "weiss")
    tries = sum(len(guess(throttle, f"tablet {number}", "weiss", HOUR_NS)) for number in range(30))
    assert tries == 100
    assert throttle.left_ns("tablet 31", "weiss", HOUR_NS) > 22 * HOUR_NS
    assert throttle.left_ns("her tablet", "weiss", HOUR_NS) == 0
    assert throttle.left_ns("tablet 31", "blau", HOUR_NS) == 0
    assert throttle.left_ns("tablet 31", "weiss", DAY_NS + HOUR_NS) == 0


def test_at_a_tablet_where_she_signed_in_her_own_count_still_holds():
    throttle = Throttle()
    throttle.succeeded("her tablet", "weiss")
    assert len(guess(throttle, "her tablet", "weiss", DAY_NS)) == 5 + 6 + 22


@pytest.mark.parametrize(
    ("wrong", "many"),
    [
        ([("a", "weiss")] * 9, False),
        ([("a", "weiss")] * 10, True),
        ([("a", f"person {each}") for each in range(10)], True),
        ([(f"tablet {each}", "weiss") for each in range(10)], True),
        ([(f"tablet {each}", f"person {each}") for each in range(30)], False),
    ],
)
def test_ten_wrong_pins_an_hour_at_one_tablet_or_for_one_person_are_many(wrong, many):
    throttle = Throttle()
    for place, account in wrong:
        throttle.failed(place, account, 0)
    assert throttle.many(HOUR_NS - 1) is many
    assert not throttle.many(HOUR_NS)


def test_what_is_remembered_is_bounded():
    throttle = Throttle()
    for number in range(2 * MOST_KEPT):
        throttle.failed(f"tablet {number}", f"badge {number}", number)
        throttle.succeeded(f"tablet {number}", "weiss")
    kept = (throttle._wrong, throttle._own, throttle._at_place, throttle._of_account, throttle._elsewhere)
    assert [len(each) for each in kept] == [MOST_KEPT] * 5
