"""A toy protocol for the link's tests: frames are lines, and `x` is answered by `x!`."""

import asyncio

from pumpd.wire import BackOff, LineSettings, Link, memory

LINE = LineSettings(19200)


class LineFramer:
    def __init__(self):
        self.pending = b""

    def feed(self, data):
        *frames, self.pending = (self.pending + data).split(b"\n")
        return frames

    def reset(self):
        self.pending = b""


class Peer:
    """Answers each line after `delay_s`, except those in `mute`; keeps each received line with its time."""

    def __init__(self, delay_s=0.01):
        self.delay_s, self.mute, self.heard, self.attached = delay_s, set(), [], 0
        self.send = None
        self._framer = LineFramer()

    @property
    def lines(self):
        return [line for _, line in self.heard]

    def attach(self, send):
        self.send, self.attached = send, self.attached + 1

    def detach(self):
        self.send = None
        self._framer.reset()

    def feed(self, data):
        loop = asyncio.get_running_loop()
        for line in self._framer.feed(data):
            self.heard.append((loop.time(), line))
            if line not in self.mute:
                loop.call_later(self.delay_s, self.say, line + b"!\n")

    def say(self, data):
        if self.send:
            self.send(data)


def answer_to(text):
    return lambda frame: frame == text + b"!"


async def ask(link, text, timeout_s=0.5, **more):
    return await link.exchange(text + b"\n", answer_to(text), timeout_s, **more)


async def opened(name, peer, **more):
    memory.serve(name, peer)
    link = Link(f"memory://{name}", LINE, LineFramer(), seed=1, **({"back_off": BackOff(0.5, 4.0)} | more))
    await link.open()
    return link
