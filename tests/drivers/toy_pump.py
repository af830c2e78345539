"""A small New Era pump for the driver's tests, written from the protocol sheet alone, and faults on its line.

The full simulator is another distribution; this one is short enough to be read beside the sheet.
"""

import asyncio
from collections import deque

from pumpd_drivers.new_era.codec import Garbage, Reply, Request, RequestFramer

UNITS = {"MH": 1.0, "MM": 60.0, "UH": 0.001, "UM": 0.06}


class ToyPump:
    """`unknown` holds command words that are answered with `?`; `fault` is (command, kind) for its first reply."""

    def __init__(self, *, address=0, version="NE1000V3.92", unknown=(), integers="1000.", delay_s=0.005):
        self.address, self.version, self.unknown = address, version, set(unknown)
        self.integers, self.delay_s = integers, delay_s
        self.power_up()
        self.safe, self.watchdog_s, self.last_valid = False, 0, 0.0
        self.knows_safe_frames = "SAF" not in self.unknown
        self.diameter, self.unit = 26.59, "ML"
        self.phases = {n: {"FUN": "RAT", "RAT": "100.0MH", "VOL": 0.0, "DIR": "INF"} for n in range(1, 42)}
        self.heard, self.fault, self.executed = [], None, []
        self.silent = False
        self._framer = RequestFramer()
        self._send = None

    # -- what happens to a pump --------------------------------------------------------------------------------

    def power_up(self):
        self.state, self.alarms, self.phase = "S", deque(["R"]), 1
        self.infused, self._since = 0.0, 0.0

    def raise_alarm(self, letter, *, spontaneous=False):
        self._count()
        self.state = "S" if self.state != "S" else self.state
        self.alarms.append(letter)
        if spontaneous and self._send:
            self._send(Reply(self.address, f"A?{letter}", "", safe=self.safe).to_bytes())

    @property
    def runs(self):
        return self.executed.count("RUN")

    @property
    def running(self):
        return self.state == "I"

    def texts(self):
        return [request.text for request in self.heard]

    # -- the peer ----------------------------------------------------------------------------------------------

    def attach(self, send):
        self._send = send

    def detach(self):
        self._send = None
        self._framer.reset()

    def feed(self, data):
        for request in self._framer.feed(data):
            if not isinstance(request, Garbage) and request.safe and not self.knows_safe_frames:
                continue  # noise to a pump that knows basic mode only
            if isinstance(request, Request) and (request.address or 0) != self.address:
                continue
            asyncio.get_running_loop().call_later(self.delay_s, self._handle, request)

    def _handle(self, request):
        kind = None
        text = "" if isinstance(request, Garbage) else request.text
        if self.fault and text.startswith(self.fault[0]) and (self.fault[0] or not text):
            kind, self.fault = self.fault[1], None
        if kind == "lost request" or self.silent:
            return
        if not isinstance(request, Garbage):
            self.heard.append(request)
        reply = self._answer(request)
        raw = reply.to_bytes()
        later = asyncio.get_running_loop().call_later
        match kind:
            case "lost reply":
                pass
            case "late reply":
                later(0.9, self._reply, raw)
            case "very late reply":
                later(2.5, self._reply, raw)
            case "duplicated reply":
                self._reply(raw + raw)
            case "duplicated later":
                self._reply(raw)
                later(0.012, self._reply, raw)
            case "garbled reply":
                self._reply(raw[:3] + bytes([raw[3] ^ 0x15]) + raw[4:])
            case "split reply":
                for index in range(len(raw)):
                    later(0.03 * index, self._reply, raw[index : index + 1])
            case "noise before":
                self._reply(b"\x00\xff\x02\x41" + raw)
            case "foreign reply":
                self._reply(Reply(self.address, self.state, "12.34MM", safe=self.safe).to_bytes())
            case "other address":
                self._reply(Reply(self.address + 1, self.state, reply.data, safe=self.safe).to_bytes())
            case _:
                self._reply(raw)

    def _reply(self, raw):
        if self._send:
            self._send(raw)

    # -- the sheet ---------------------------------------------------------------------------------------------

    def _count(self):
        now = asyncio.get_running_loop().time()
        if self.running:
            self._pump(now - self._since)
        self._since = now
        if self.watchdog_s and self.last_valid and now - self.last_valid > self.watchdog_s:
            self.last_valid = 0.0
            self.state = "S"
            self.alarms.append("T")

    def _pump(self, seconds):
        while seconds > 0 and self.running:
            phase = self.phases[self.phase]
            if phase["FUN"] == "STP":
                self.state = "S"
                return
            speed = float(phase["RAT"][:-2]) * UNITS[phase["RAT"][-2:]] / 3600
            left = phase["VOL"] - self._phase_done if phase["VOL"] else float("inf")
            step = min(speed * seconds, left)
            self.infused += step
            self._phase_done += step
            seconds -= step / speed
            if phase["VOL"] and self._phase_done >= phase["VOL"] - 1e-9:
                self.phase += 1
                self._phase_done = 0.0
                if self.phases[self.phase]["FUN"] == "STP" or "PHN" in self.unknown:
                    self.state = "S"

    def _number(self, value):
        whole = len(str(int(value)))
        if whole >= 4:
            return f"{int(value)}." if self.integers == "1000." else f"{int(value)}"
        return f"{value:.{min(3, 4 - whole)}f}"

    def _answer(self, request):
        self._count()
        if isinstance(request, Garbage):
            return Reply(self.address, self.state, "?COM", safe=self.safe)
        if request.safe or not self.safe:
            self.last_valid = asyncio.get_running_loop().time()
        elif self.safe:
            return Reply(self.address, self.state, "?COM", safe=True)
        if self.alarms:
            return Reply(self.address, f"A?{self.alarms.popleft()}", "", safe=self.safe)
        data = self._execute(request.text)
        if not data.startswith("?"):
            self.executed.append(request.text)
        return Reply(self.address, self.state, data, safe=self.safe)

    def _execute(self, text):
        word, value = text[:3], text[3:]
        phase = self.phases[self.phase]
        if text in ("PF0", "TRGOF"):
            return "?" if text[:2] in self.unknown or word in self.unknown else ""
        if word in self.unknown:
            return "?"
        if value and self.running and word not in ("RAT", "SAF"):
            return "?NA"
        match word:
            case "":
                return ""
            case "VER":
                return self.version
            case "SAF":
                self.watchdog_s = int(value)
                self.safe = self.watchdog_s > 0
            case "DIA" if value:
                self.diameter, self.infused = float(value), 0.0
                self.unit = "UL" if self.diameter <= 14 else "ML"
            case "DIA":
                return self._number(self.diameter)
            case "PHN":
                self.phase = int(value)
            case "FUN" | "DIR" if value:
                phase[word] = value
            case "FUN" | "DIR":
                return phase[word]
            case "RAT" if value:
                phase["RAT"] = value
            case "RAT":
                return self._number(float(phase["RAT"][:-2])) + phase["RAT"][-2:]
            case "VOL" if value in ("ML", "UL"):
                self.unit = value
            case "VOL" if value:
                phase["VOL"] = float(value)
            case "VOL":
                return self._number(phase["VOL"]) + self.unit
            case "CLD":
                self.infused = 0.0 if value == "INF" else self.infused
            case "DIS":
                infused = self.infused * (1000 if self.unit == "UL" else 1)
                return f"I{self._number(infused)}W0.000{self.unit}"
            case "RUN":
                if self.running:
                    return "?NA"
                if self.state == "S":
                    self.phase, self._phase_done = 1, 0.0
                self.state, self._since = "I", asyncio.get_running_loop().time()
            case "STP":
                self.state = "P" if self.running else "S"
            case _:
                return "?"
        return ""
