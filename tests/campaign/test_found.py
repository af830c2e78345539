"""Defects that the campaign found, each as the story that showed it, in a few events."""

from tests.campaign.play import play
from tests.campaign.story import Nurse
from tests.campaign.test_campaign import a_story


def test_a_count_lost_after_a_restart_is_booked_even_when_none_had_been_read(quiet):
    """The pump flowed while no process was up, was found flowing, and lost its supply before it was read again."""
    told = a_story((1.77, "control", "kill/9"), (10.8, "fault", "power-cut/1s"), family="harvard", model="11-elite")
    played = play(told)
    assert played.facts["starts"] == 1
    assert not played.violations


def test_what_a_coarse_counter_does_not_show_is_booked(quiet):
    """A Perfusor fm counts tenths of a millilitre: it may have given nearly one more than it says."""
    played = play(a_story((19.2, "nurse", "stop"), family="dianet-star", model="perfusor-fm"))
    assert played.facts["starts"] == 1
    assert not played.violations


def test_instants_moved_to_another_boot_of_the_machine_are_on_record(quiet):
    """The replay, and the process after the next, took events of the new boot beside instants of the old one."""
    played = play(a_story((12.0, "control", "reboot/5"), (13.0, "clock", "-3")))
    assert played.facts["processes"] == 2
    assert not played.violations


def test_an_order_waits_until_what_was_found_flowing_stands(quiet):
    """The new infusion was taken for the flow that somebody had started at the pump, and stopped."""
    told = a_story((1.0, "control", "kill/4.08"), (5.0, "panel", "start"), family="harvard", model="11-elite")
    played = play(told)
    assert played.facts["starts"] == 1
    assert not played.violations


def test_an_alarm_over_what_was_found_flowing_is_not_the_last_infusion_s(quiet):
    """It stood in the journal under the infusion that had died with the process, which raised no such alarm."""
    told = a_story(
        (1.0, "control", "kill/4.08"),
        (5.0, "panel", "start"),
        (5.25, "fault", "lost-reply/4s"),
        family="harvard",
        model="11-elite",
    )
    played = play(told)
    assert played.facts["alarms"] >= 1
    assert not played.violations


def test_a_program_of_ours_that_somebody_starts_at_the_pump_is_stopped_though_we_never_started_it(quiet):
    """The cable was out. A stop ended the infusion before its start; the next order found the pump flowing, gave up,
    and left it to whoever had started it.
    """
    told = a_story(
        (1.0, "fault", "disconnect/25s"),
        (8.0, "panel", "start"),
        (12.0, "nurse", "stop"),
        family="harvard",
        model="phd-ultra",
    )
    played = play(told)
    assert played.facts["unordered_flows"] == 1
    assert not played.violations


def test_a_start_that_a_trip_overtook_is_on_record_as_far_as_it_came(quiet):
    """The pump hung, and the start still waited when no flow was seen in time: only the replay knew of it."""
    told = a_story((4.5355, "fault", "hang/3.84s"), family="dianet-star", model="perfusor-fm")
    played = play(told.but(nurse=Nurse(confirm_after_s=1.0)))
    assert not played.violations


def test_looking_for_a_pump_leaves_its_watchdog_alone_though_its_answers_are_lost(quiet):
    """The process that came up took safe mode off a flowing pump whose answers were lost; then the line went dead."""
    told = a_story(
        (15.0, "control", "kill-sent/1.45"), (16.0, "fault", "lost-reply/2.14s"), (18.0, "fault", "silence/35s")
    )
    played = play(told)
    assert played.facts["losses_judged"] == 1
    assert not played.violations


def test_a_pump_that_waits_loaded_and_is_not_heard_has_an_alarm(quiet):
    """Somebody started it at its panel while its line was dead, and nothing said that anything was wrong."""
    told = a_story((3.0, "fault", "silence/34s"), (7.0, "panel", "start"), family="dianet-star", model="perfusor-fm")
    played = play(told)
    assert played.facts["unordered_flows"] == 1
    assert not played.violations


def test_answers_that_are_missed_before_an_order_count_as_missed_after_it(quiet):
    """Each look at this pump takes seven seconds without an answer: two of them were too late for an alarm."""
    told = a_story((2.7889, "fault", "silence/34.28s"), (6.7703, "panel", "start"), family="dianet-star")
    played = play(told.but(model="perfusor-fm", nurse=Nurse(confirm_after_s=1.0)))
    assert played.facts["unordered_flows"] == 1
    assert not played.violations


def test_a_start_does_not_wait_long_for_a_disk_that_hangs(quiet):
    """Nothing else was seen or said meanwhile: not that the cable was out, either."""
    told = a_story((7.6465, "disk", "away/28.53"), (10.0, "fault", "disconnect/23.49s"), model="ne-4000")
    played = play(told.but(nurse=Nurse(confirm_after_s=4.405)))
    assert played.facts["starts"] == 0
    assert not played.violations


def test_a_start_whose_disk_came_back_too_late_is_never_sent(quiet):
    told = a_story((7.6465, "disk", "away/12"), model="ne-4000")
    played = play(told.but(nurse=Nurse(confirm_after_s=4.405)))
    assert played.facts["starts"] == 0
    assert not played.violations


def test_a_pump_that_took_a_program_is_ours_after_a_reboot_too(quiet):
    """The infusion had ended, the process was a new one, and a start at the panel was taken for somebody else's."""
    told = a_story((8.0, "nurse", "stop"), (13.0, "control", "reboot/4"), (22.0, "panel", "start"), family="harvard")
    played = play(told.but(model="11-elite"))
    assert played.facts["unordered_flows"] == 1
    assert not played.violations


def test_a_doubt_over_a_pump_that_flows_unheard_is_not_ended(quiet):
    """It has no watchdog, its line was dead and its keys hung: its display was read while it ran on."""
    told = a_story((2.0, "fault", "silence/40s"), (34.0, "fault", "hang/14s"), family="harvard")
    heavy = {"weight": "102.6 kg", "weight_again": "102.6 kg", "container": "60 mL"}
    told = told.but(model="phd-ultra", order=told.order | heavy, horizon_s=52.4)
    played = play(told.but(nurse=Nurse(confirm_after_s=0.2, act_after_s=4.972)))
    assert played.facts["starts"] == 1
    assert not played.violations


def test_no_row_goes_down_between_the_event_that_starts_and_its_intent(quiet):
    """A look that waited in the line went first, and was written; the death after it took the intent along."""
    for at_s in (4.54, 4.55, 4.56, 4.5711, 4.58):
        told = a_story((at_s, "control", "kill/0.62"), model="ne-4000")
        order = told.order | {"entry": "ketamine-2mg-ml", "dose": "0.51 mg/kg", "weight": "62.3 kg"}
        order |= {"weight_again": "62.3 kg"}
        played = play(told.but(order=order, nurse=Nurse(confirm_after_s=1.0, act_after_s=2.0)))
        assert not played.violations, at_s
