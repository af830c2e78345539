"""Defects that the campaign found, each as a short story that shows it."""

from tests.campaign.play import play
from tests.campaign.story import Nurse
from tests.campaign.test_campaign import a_story


def test_a_count_lost_after_a_restart_is_booked_even_if_it_was_never_read(quiet):
    """The pump flowed while no process ran, was found flowing, and lost its supply before it was read again."""
    story = a_story((1.77, "control", "kill/9"), (10.8, "fault", "power-cut/1s"), family="harvard", model="11-elite")
    played = play(story)
    assert played.facts["starts"] == 1
    assert not played.violations


def test_what_a_coarse_counter_does_not_show_is_booked(quiet):
    """A Perfusor fm counts tenths of a millilitre: it may have given almost one tenth more than it shows."""
    played = play(a_story((19.2, "nurse", "stop"), family="dianet-star", model="perfusor-fm"))
    assert played.facts["starts"] == 1
    assert not played.violations


def test_instants_moved_to_another_boot_of_the_machine_are_on_record(quiet):
    """The replay, and the process after the next, mixed events of the new boot with instants of the old one."""
    played = play(a_story((12.0, "control", "reboot/5"), (13.0, "clock", "-3")))
    assert played.facts["processes"] == 2
    assert not played.violations


def test_an_order_waits_until_a_pump_found_flowing_has_stopped(quiet):
    """The new infusion was mistaken for the flow that a person had started at the pump, and was stopped.

    That flow counts as a whole treatment, so the clock is set to another day.
    """
    found = ((1.0, "control", "kill/4.08"), (5.0, "panel", "start"), (5.5, "clock", "172800"))
    story = a_story(*found, family="harvard", model="11-elite")
    played = play(story)
    assert played.facts["starts"] == 1
    assert not played.violations


def test_an_alarm_about_a_pump_found_flowing_does_not_belong_to_the_last_infusion(quiet):
    """The journal listed it under the infusion that had died with the process, which raised no such alarm."""
    story = a_story(
        (1.0, "control", "kill/4.08"),
        (5.0, "panel", "start"),
        (5.25, "fault", "lost-reply/4s"),
        family="harvard",
        model="11-elite",
    )
    played = play(story)
    assert played.facts["alarms"] >= 1
    assert not played.violations


def test_a_program_of_pumpd_that_is_started_at_the_pump_is_stopped_although_pumpd_never_started_it(quiet):
    """The cable was out. A stop ended the infusion before its start; the next order found the pump flowing, gave up,
    and left the pump to the person who had started it.
    """
    story = a_story(
        (1.0, "fault", "disconnect/25s"),
        (8.0, "panel", "start"),
        (12.0, "nurse", "stop"),
        family="harvard",
        model="phd-ultra",
    )
    played = play(story)
    assert played.facts["unprescribed_flows"] == 1
    assert not played.violations


def test_a_start_that_a_trip_overtook_is_on_record_as_far_as_it_got(quiet):
    """The pump hung, and the start was still waiting when no flow was seen in time: only the replay knew about it."""
    story = a_story((4.5355, "fault", "hang/3.84s"), family="dianet-star", model="perfusor-fm")
    played = play(story.but(nurse=Nurse(confirm_after_s=1.0)))
    assert not played.violations


def test_identifying_a_pump_leaves_its_watchdog_alone_although_its_replies_are_lost(quiet):
    """The new process switched safe mode off at a flowing pump whose replies were lost; then the line went dead."""
    story = a_story(
        (15.0, "control", "kill-sent/1.45"), (16.0, "fault", "lost-reply/2.14s"), (18.0, "fault", "silence/35s")
    )
    played = play(story)
    assert played.facts["losses_checked"] == 1
    assert not played.violations


def test_a_loaded_pump_that_does_not_reply_has_an_alarm(quiet):
    """A person started it at its panel while its line was dead, and nothing reported a problem."""
    story = a_story((3.0, "fault", "silence/34s"), (7.0, "panel", "start"), family="dianet-star", model="perfusor-fm")
    played = play(story)
    assert played.facts["unprescribed_flows"] == 1
    assert not played.violations


def test_replies_missed_before_an_order_count_as_missed_after_it(quiet):
    """A poll of this pump takes seven seconds without a reply: two polls were too late for an alarm."""
    story = a_story((3.0, "fault", "silence/34.28s"), (7.0, "panel", "start"), family="dianet-star")
    played = play(story.but(model="perfusor-fm", nurse=Nurse(confirm_after_s=1.0)))
    assert played.facts["unprescribed_flows"] == 1
    assert not played.violations


def test_a_start_does_not_wait_long_for_a_hung_disk(quiet):
    """Nothing else was noticed or reported meanwhile, not even that the cable was out."""
    story = a_story((7.6465, "disk", "away/28.53"), (10.0, "fault", "disconnect/23.49s"), model="ne-4000")
    played = play(story.but(nurse=Nurse(confirm_after_s=4.405)))
    assert played.facts["starts"] == 0
    assert not played.violations


def test_a_start_whose_disk_recovers_too_late_is_never_sent(quiet):
    story = a_story((7.6465, "disk", "away/12"), model="ne-4000")
    played = play(story.but(nurse=Nurse(confirm_after_s=4.405)))
    assert played.facts["starts"] == 0
    assert not played.violations


def test_a_pump_that_was_programmed_by_pumpd_is_stopped_after_a_reboot_too(quiet):
    """The infusion had ended, the process was new, and a start at the panel counted as another person's infusion."""
    story = a_story((8.0, "nurse", "stop"), (13.0, "control", "reboot/4"), (22.0, "panel", "start"), family="harvard")
    played = play(story.but(model="11-elite"))
    assert played.facts["unprescribed_flows"] == 1
    assert not played.violations


def test_a_doubt_about_a_pump_that_flows_and_does_not_reply_is_not_ended(quiet):
    """It has no watchdog, its line was dead and its keys hung: its display was read while it kept running."""
    story = a_story((2.0, "fault", "silence/40s"), (34.0, "fault", "hang/14s"), family="harvard")
    heavy = {"weight": "102.6 kg", "weight_again": "102.6 kg", "container": "60 mL"}
    story = story.but(model="phd-ultra", order=story.order | heavy, horizon_s=52.4)
    played = play(story.but(nurse=Nurse(confirm_after_s=0.2, act_after_s=4.972)))
    assert played.facts["starts"] == 1
    assert not played.violations


def test_no_entry_is_written_between_the_event_that_starts_and_its_intent(quiet):
    """A poll that was queued on the line went first and was written; the death after it lost the intent."""
    for at_s in (4.54, 4.55, 4.56, 4.5711, 4.58):
        story = a_story((at_s, "control", "kill/0.62"), model="ne-4000")
        order = story.order | {"entry": "ketamine-2mg-ml", "dose": "0.51 mg/kg", "weight": "62.3 kg"}
        order |= {"weight_again": "62.3 kg"}
        played = play(story.but(order=order, nurse=Nurse(confirm_after_s=1.0, act_after_s=2.0)))
        assert not played.violations, at_s


def test_the_baseline_that_a_start_records_is_replayed(quiet):
    """The replay of every infusion with vital signs reported a difference: it did not know the entry."""
    played = play(a_story((20.0, "nurse", "stop")).but(monitor=True))
    assert played.facts["starts"] == 1
    assert not played.violations
