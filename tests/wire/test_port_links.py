"""Links to pseudo-terminals: one that outlived its program is refused, whatever it leads to by now."""

import os
import pty
from pathlib import Path

import pytest

from pumpd.wire import LineSettings, PortError, open_transport
from pumpd.wire.port_links import stale

LINE = LineSettings(19200)


@pytest.fixture
def terminal():
    master, slave = pty.openpty()
    yield os.ttyname(slave)
    os.close(slave)
    os.close(master)


def made(link, seconds_before):
    """Date a link back: it was made this long before now, which is when the terminal was made."""
    then = os.lstat(link).st_mtime - seconds_before
    os.utime(link, (then, then), follow_symlinks=False)


def test_a_link_made_after_its_terminal_is_good(terminal, tmp_path):
    link, outer = tmp_path / "pump", tmp_path / "outer"
    link.symlink_to(terminal)
    outer.symlink_to("pump")
    assert stale(str(link)) is stale(str(outer)) is stale(terminal) is None


def test_a_link_that_is_older_than_its_terminal_leads_to_another_program(terminal, tmp_path):
    link, outer = tmp_path / "pump", tmp_path / "outer"
    link.symlink_to(terminal)
    outer.symlink_to(link)
    made(link, 2)
    for port in (link, outer):
        reason = stale(str(port))
        assert f"a link to {terminal}, which was made after the link and belongs to another program" in reason
        assert f"remove {link}, and start that program again" in reason


def test_a_program_may_change_its_terminals_mode_after_making_the_link(terminal, tmp_path):
    (tmp_path / "pump").symlink_to(terminal)
    Path(terminal).chmod(0o600)
    assert stale(str(tmp_path / "pump")) is None


def test_a_link_to_nothing_and_a_link_to_itself_are_told_as_such(tmp_path):
    (tmp_path / "pump").symlink_to("/dev/pts/9999")
    assert "a link to /dev/pts/9999, which is not there" in stale(str(tmp_path / "pump"))
    (tmp_path / "loop").symlink_to("loop")
    assert stale(str(tmp_path / "loop")) is None, "opening it gives the system's own reason"
    assert stale(str(tmp_path / "nothing")) is None
    (tmp_path / "file").write_text("")
    (tmp_path / "old").symlink_to("file")
    made(tmp_path / "old", 100)
    assert stale(str(tmp_path / "old")) is None, "only pseudo-terminals get another owner under the same name"


@pytest.mark.realtime
async def test_a_driver_does_not_open_the_terminal_of_another_program(terminal, tmp_path):
    link = tmp_path / "pump"
    link.symlink_to(terminal)
    (await open_transport(str(link), LINE, lambda _: None, lambda _: None)).close()
    made(link, 60)
    with pytest.raises(PortError, match=rf"port {link}: .* belongs to another program"):
        await open_transport(str(link), LINE, lambda _: None, lambda _: None)
    link.unlink()
    link.symlink_to("/dev/pts/9999")
    with pytest.raises(PortError, match="which is not there"):
        await open_transport(str(link), LINE, lambda _: None, lambda _: None)
