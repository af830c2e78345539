"""The gateway's own stop button, light and sound: whether what they need is there. The self-test tries them."""

import stat
from collections.abc import Iterator
from importlib.util import find_spec

from pumpd.doctor.configuration import NO_SETTINGS
from pumpd.doctor.facts import Facts
from pumpd.doctor.line import Finding, Group, bad, line, not_checked, ok

GPIO_GROUP = "gpio"  # of the control unit, by SupplementaryGroups=


@line(
    "signals.gpio",
    "Stop button, light and buzzer (GPIO)",
    when="they are configured, and the chip is not there, may not be opened by control, or gpiod is not installed",
    to_do="Correct `gpio.chip` (`gpiodetect` lists the chips), install pumpd's udev rules, then run `pumpd self-test`.",
)
def _gpio(facts: Facts) -> Iterator[Finding]:
    if facts.settings is None or facts.settings.gpio is None:
        yield not_checked(NO_SETTINGS if facts.settings is None else "none is configured")
        return
    gpio = facts.settings.gpio
    place = facts.machine.at(gpio.chip)
    if not place.exists():
        yield bad(facts, f"{gpio.chip} is not there")
        return
    found = place.stat()
    group = facts.machine.group(gpio.chip)
    if find_spec("gpiod") is None and not facts.installed:
        yield bad(facts, "gpiod is not installed", "Install it: `pip install 'pumpd[gpio]'`.")
    elif facts.installed and (group != GPIO_GROUP or found.st_mode & 0o060 != 0o060):
        yield bad(facts, f"{gpio.chip}: {stat.filemode(found.st_mode)[1:]}, group {group}: control may not open it")
    else:
        yield ok(f"{', '.join(gpio.lines)} on {gpio.chip}")


@line(
    "signals.output",
    "Alarm output",
    when="`alarm.output` names a file that is not there: the gateway itself signals no alarm",
    to_do="See /sys/class/leds for the outputs of this board, and correct `alarm.output`.",
)
def _output(facts: Facts) -> Iterator[Finding]:
    output = None if facts.settings is None else facts.settings.alarm.output
    if output is None:
        yield not_checked(NO_SETTINGS if facts.settings is None else "none is configured: pumps and tablets sound")
    elif facts.machine.at(output).exists():
        yield ok(str(output))
    else:
        yield bad(facts, f"{output} is not there")


GROUP = Group("Signals of the gateway", (_gpio, _output))
