"""A wire transcript as a peer: what the host must send, and what the pump answers, in readable text.

    > safe 0SAF0        the host sends this command, safe-framed
    < basic 00S         the pump answers

Anything else that the host sends, or does not send, fails the test.
"""

from pumpd_drivers.new_era.codec import Request, RequestFramer, safe_frame


def frame(kind, text):
    return safe_frame(text.encode()) if kind == "safe" else b"\x02" + text.encode() + b"\x03"


class Transcript:
    def __init__(self, script):
        self.lines = []
        for line in script.strip().splitlines():
            text = line.split("#")[0].split()
            if text:
                self.lines.append((text[0], text[1], "".join(text[2:])))
        self.wrong = []
        self._framer = RequestFramer()

    def attach(self, send):
        self._send = send
        self._pump_speaks()

    def detach(self):
        pass

    def feed(self, data):
        for request in self._framer.feed(data):
            if not isinstance(request, Request):
                self.wrong.append(f"the host sent garbage {request.raw!r}")
                continue
            sent = (">", "safe" if request.safe else "basic", f"{request.address}{request.text}")
            expected = self.lines.pop(0) if self.lines else "nothing"
            if sent != expected:
                self.wrong.append(f"expected {expected}, the host sent {sent}")
                self.lines.clear()
            self._pump_speaks()

    def _pump_speaks(self):
        while self.lines and self.lines[0][0] == "<":
            _, kind, text = self.lines.pop(0)
            self._send(frame(kind, text))

    def check(self):
        assert not self.wrong, "\n".join(self.wrong)
        assert not self.lines, f"the host did not send: {self.lines}"
