"""Runs in the machine in place of a service, inside the sandbox of its unit: tries what no service may, or only one.

Prints a JSON object: what was tried, and "done" or the name of the error. It changes nothing that it could open.
"""

import ctypes
import errno
import json
import mmap
import os
import pathlib
import socket
import time

STATE = "/var/lib/pumpd"
CLONE_NEWUSER = 0x10000000


def opened(path, flags=os.O_RDONLY):
    os.close(os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY))


def network(family, kind=socket.SOCK_STREAM):
    socket.socket(family, kind).close()


def route():
    """A packet to another machine, over the interface that leads there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", ("10.0.2.2", 9))


def connected(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)


def created(path):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    pathlib.Path(path).unlink()


def called(name, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)


def executable_memory():
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def other_processes():
    pathlib.Path("/proc/1/cwd").readlink()


ATTEMPTS = {
    "open a network socket": lambda: network(socket.AF_INET),
    "open an IPv6 socket": lambda: network(socket.AF_INET6),
    "send a packet": route,
    "open a raw socket": lambda: network(socket.AF_PACKET, socket.SOCK_RAW),
    "open a serial port": lambda: opened("/dev/ttyUSB0", os.O_RDWR),
    "open the disk": lambda: opened("/dev/vda"),
    "open the memory": lambda: opened("/dev/mem"),
    "read the journal": lambda: opened(f"{STATE}/journal.sqlite3"),
    "write the journal": lambda: opened(f"{STATE}/journal.sqlite3", os.O_RDWR),
    "read the paired keys": lambda: opened(f"{STATE}/paired-keys.json"),
    "write the paired keys": lambda: opened(f"{STATE}/paired-keys.json", os.O_RDWR),
    "read the staff": lambda: opened(f"{STATE}/staff.json"),
    "read the server's key": lambda: opened(f"{STATE}/tls/gateway.key"),
    "read the authority's key": lambda: opened(f"{STATE}/tls/ca.key"),
    "use the operator socket": lambda: connected("/run/pumpd/control.sock"),
    "use the tablet socket": lambda: connected("/run/pumpd-tablets/tablet.sock"),
    "write the configuration": lambda: opened("/etc/pumpd/pumpd.toml", os.O_RDWR),
    "create a configuration": lambda: created("/etc/pumpd/pumpd.d-probe"),
    "create a program": lambda: created("/opt/pumpd/bin/probe"),
    "read root's home": lambda: list(os.scandir("/root")),
    "see other processes": other_processes,
    "make memory executable": executable_memory,
    "make a namespace": lambda: called("unshare", CLONE_NEWUSER),
    "mount": lambda: called("mount", b"none", b"/tmp", b"tmpfs", 0, None),
    "set the clock": lambda: time.clock_settime(time.CLOCK_REALTIME, time.time()),
    "become root": lambda: os.setuid(0),
    "restart the machine": lambda: called("reboot", 0),  # 0 is no valid command: a permitted call does nothing
}


def tried(attempt):
    try:
        attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "done"


def main():
    print(json.dumps({name: tried(attempt) for name, attempt in ATTEMPTS.items()}), flush=True)


if __name__ == "__main__":
    main()
