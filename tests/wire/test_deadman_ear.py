"""How the deadman receives its lines, and the descriptor that comes with one of them."""

import os
import socket
from pathlib import Path

import pytest

from pumpd.wire import deadman as room
from pumpd.wire.deadman import Connection


class TestEar:
    @pytest.fixture
    def ends(self):
        ours, theirs = socket.socketpair()
        connection = Connection(theirs)
        yield ours, connection
        ours.close()
        connection.close()

    def test_lines_arrive_whole_and_one_that_is_too_long_is_ignored(self, ends):
        ours, connection = ends
        ours.send(b"lea")
        assert connection.lines() == []
        ours.send(b"se 5\nbye\nsta")
        assert [sent for sent, _ in connection.lines()] == [b"lease 5", b"bye"]
        for _ in range(3):
            ours.send(b"x" * room.LONGEST_LINE)
            assert connection.lines() == []
        ours.send(b"\nstand-down\n")
        assert [sent for sent, _ in connection.lines()][1:] == [b"stand-down"]

    @pytest.mark.parametrize(("length", "kept"), [(room.LONGEST_LINE, True), (room.LONGEST_LINE + 1, False)])
    def test_the_longest_line_is_just_taken(self, ends, length, kept):
        ours, connection = ends
        for sent in (b"x" * (length - 1), b"x"):
            ours.send(sent)
            assert connection.lines() == []
        ours.send(b"\n")
        ((line, _),) = connection.lines()
        assert line == (b"x" * length if kept else b"?")

    def test_the_descriptor_is_passed_with_the_line_port_and_no_other(self, ends):
        ours, connection = ends
        for sent in (b"bye\n", b"port\nbye\nport\n"):
            with Path(os.devnull).open() as given:
                socket.send_fds(ours, [sent], [given.fileno()])
            lines = connection.lines()
            with_it = [came for _, came in lines if came is not None]
            assert with_it == [came for word, came in lines[:1] if word == b"port"]
            for came in with_it:
                os.close(came)

    def test_a_connection_that_does_not_read_is_not_served(self, ends):
        ours, connection = ends
        while not connection.unsent:
            connection.reply("no line: not understood")
        ours.send(b"bye\n")
        assert connection.lines() == []
        while connection.unsent:
            ours.recv(65536)
            connection.reply()
        assert [sent for sent, _ in connection.lines()] == [b"bye"]
