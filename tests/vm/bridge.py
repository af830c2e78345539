"""Runs in the machine: carries requests from outside to the operator socket, as a person at the gateway sends them.

One line each way: a number, and JSON. To start the command line for each would take an emulated machine seconds.
"""

import json
import os
import socket
import time

PORT, CONTROL = "/dev/virtio-ports/operator", "/run/pumpd/control.sock"


def answered(request: bytes) -> bytes:
    try:
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(30)
            control.connect(CONTROL)
            control.sendall(request + b"\n")
            with control.makefile("rb") as answers:
                line = answers.readline()
    except OSError as error:
        line = json.dumps({"ok": False, "reasons": [f"no answer: {error}"], "result": {}}).encode() + b"\n"
    return line or b"{}\n"


def main() -> None:
    port = os.open(PORT, os.O_RDWR)
    waiting = b""
    while True:
        received = os.read(port, 65536)
        if not received:  # nobody has opened the other end
            time.sleep(0.1)
        waiting += received
        *lines, waiting = waiting.split(b"\n")
        for line in lines:
            number, _, request = line.partition(b" ")
            left = number + b" " + answered(request)
            while left:
                left = left[os.write(port, left) :]


if __name__ == "__main__":
    main()
