"""Runs in the machine: a time server on its own loopback that knows the right time (RFC 5905, a server's reply).

The first argument is how far the machine's clock is wrong now, in seconds. It counts on by the monotonic clock.
"""

import socket
import struct
import sys
import time

SINCE_1900 = 2_208_988_800


def main():
    right = time.time() + float(sys.argv[1]) - time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 123))
        while True:
            asked, client = server.recvfrom(128)
            seconds = right + time.monotonic() + SINCE_1900
            now = struct.pack("!II", int(seconds), int(seconds % 1 * 2**32))
            # No leap second, version 4, server; stratum 1; a delay and a dispersion of some milliseconds.
            head = struct.pack("!BBbb", 0x24, 1, 4, -20) + struct.pack("!II", 65, 65) + b"TEST"
            server.sendto(head + now + asked[40:48] + now + now, client)


if __name__ == "__main__":
    main()
