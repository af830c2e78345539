"""How long a stop waits for the answer before it, and how often it is sent: one rule for every family (STP-11).

Promises:
- A stop leaves at most PATIENCE times the longest healthy answer after the request before it was sent: also when that
  reply is lost, late or damaged. Where the pump reads while it answers, a stop leaves at once.
- A stop that is not answered is sent again every AGAIN_S, as long as the line can carry frame and answer in that time.
- What takes longer than the family calls healthy never makes a stop wait longer.

The deadman follows the same rule. It can import nothing, so the two times stand there.
"""

from collections import deque
from dataclasses import dataclass

from pumpd.wire.deadman import AGAIN_NS, FIRST_NS
from pumpd.wire.line import LineSettings

FIRST_S = FIRST_NS / 1e9  # of a stop: in this time, nothing but the stop is sent
AGAIN_S = AGAIN_NS / 1e9
LATEST = 1.15  # times AGAIN_S: an answer on its way may delay the next frame by so much, to less than 0.15 s
SOON_S = 0.05  # no pump is sent more on a line that damages every answer
PATIENCE = 1.5
REMEMBERED = 8  # answers; those of a poll or two, so that a load long ago makes no stop wait longer


@dataclass(frozen=True, slots=True)
class LineFacts:
    """What a family states about its line and its pump, or assumes.

    `healthy_s`: a healthy pump answers within this time, not counting the time on the line. `longest_bytes`: its
    longest request with its reply. `reads_while_answering`: the line carries both directions at once, and the pump
    takes a request while it still answers another.
    """

    healthy_s: float = 0.1
    longest_bytes: int = 120
    reads_while_answering: bool = False


class Pace:
    """What the answers on one line took, and what follows from it for a stop."""

    def __init__(self, line: LineSettings, facts: LineFacts) -> None:
        self.interrupts = facts.reads_while_answering
        self._line = line
        self._longest_s = facts.healthy_s + line.time_for(facts.longest_bytes)
        self._took_s: deque[float] = deque(maxlen=REMEMBERED)

    def forget(self) -> None:
        """Another pump may be on the line."""
        self._took_s.clear()

    def answered(self, took_s: float) -> None:
        """An answer came this long after its request was sent."""
        self._took_s.append(took_s)

    @property
    def longest_s(self) -> float:
        """The longest healthy answer of late; what the family calls healthy until one was heard."""
        return max((took_s for took_s in self._took_s if took_s <= self._longest_s), default=self._longest_s)

    @property
    def answer_s(self) -> float:
        """An answer that has not come by then does not come soon."""
        return PATIENCE * self.longest_s

    @property
    def patience_s(self) -> float:
        """How long after a request was sent a stop may follow it without its reply."""
        return 0.0 if self.interrupts else self.answer_s

    @property
    def soon_s(self) -> float:
        """From a stop frame whose answer was not understood to the next one."""
        return max(SOON_S, self.answer_s)

    def question_at(self, now: float, stop_sent_at: float, again_s: float) -> float | None:
        """When to ask after a stop that had to be sent again: once the replies to all its frames have come. None when
        the next frame is due before the answer could come.
        """
        at = max(now, stop_sent_at + self.longest_s)
        return at if at + self.longest_s <= stop_sent_at + again_s else None

    def asked_until(self, now: float, stop_sent_at: float, again_s: float, *, owed: bool) -> float:
        """How long a question after a stop, asked now, waits for its answer: then the stop is sent again. `owed`: a
        stop frame before it is not answered yet, so nothing keeps the next one.
        """
        due = stop_sent_at + again_s
        if owed:
            return due
        if now >= due:
            return now + again_s  # the stop was answered, and the pump is being watched
        return min(max(due, now + self.answer_s), stop_sent_at + LATEST * again_s)

    def again_s(self, frame: bytes) -> float:
        """From one stop frame to the next. On a very slow line as long as the frame and an answer of its length."""
        return max(AGAIN_S, 2 * self._line.time_for(len(frame)))
