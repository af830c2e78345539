"""Debian roots to try things in: built once, kept, and copied fresh for each use.

    python -m tools.debian_root trixie amd64 --include systemd,python3              prints the kept archive
    python -m tools.debian_root trixie amd64 --into DIR                             a fresh root in DIR
    python -m tools.debian_root trixie amd64 --run python3 --version                runs that in a fresh root

A root is made by debootstrap (minbase) from the mirror that this machine's own apt uses, or from $DEBIAN_MIRROR. The
archives are in ${XDG_CACHE_HOME:-~/.cache}/pumpd/roots. Needs root rights: a Debian root has files of many owners.

A root of another architecture runs by qemu-user-static. It needs no setting of this machine: a namespace of its own
knows the interpreter (Linux 6.7 or newer).
"""

import argparse
import fcntl
import hashlib
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SUITES = ("bookworm", "trixie")
ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}
PROXIES = ("http_proxy", "https_proxy", "no_proxy")
# What maintainer scripts start by the thousand, and what writes the same on every architecture. Emulated, each takes
# ten times as long.
ALIKE = (
    "basename", "cat", "chgrp", "chmod", "chown", "cmp", "cp", "cut", "dash", "dirname", "env", "expr", "find", "grep",
    "head", "id", "install", "kmod", "ln", "ls", "mkdir", "mktemp", "mv", "openssl", "perl", "python3.[0-9]*",
    "readlink", "realpath", "rm", "rmdir", "sed", "sort", "stat", "systemctl", "systemd-*", "tail", "test", "touch",
    "tr", "uniq", "wc", "xargs",
)  # fmt: skip
# What holds them.
_WITH_ALIKE = ("kmod", "python3", "systemd", "udev")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Mounts and processes of its own, which end with the command.
_APART = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation=private")
# What a command in the root needs of a machine: $ROOT, $NETWORK. The words before -- are pairs: a folder of this
# machine, and where it is seen in the root.
_ENTER = r"""
set -e
mount -t proc proc "$ROOT/proc"
mount --rbind /sys "$ROOT/sys"
mount --rbind /dev "$ROOT/dev"
mount -t tmpfs -o mode=755 tmpfs "$ROOT/run"
[ "$NETWORK" = yes ] || ip link set lo up
while [ "$1" != -- ]; do
    [ -e "$ROOT/$2" ] || mkdir -p "$ROOT/$2"
    mount --bind "$1" "$ROOT/$2"
    shift 2
done
shift
status=0
# The shell stays as the first process: it reaps what the command leaves, as an init does.
chroot "$ROOT" "$@" || status=$?
exit $status
"""
# Only a user namespace of its own may name an interpreter, the first word. Every owner in it is the one outside.
_INTERPRETED = r"""
unshare --user --mount --propagation=private sh -c '
    until read -r _ < /proc/self/gid_map; do sleep 0.02; done
    mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc &&
    printf %s "$1" > /proc/sys/fs/binfmt_misc/register && shift && exec "$@"' sh "$@" <&0 &
trap 'kill -9 $!' INT TERM
for map in uid_map gid_map; do
    until echo '0 0 65536' > /proc/$!/$map; do kill -0 $! || exit; sleep 0.02; done
done 2> /dev/null
wait $!
"""


class DebianRootError(Exception):
    """A root cannot be built or used here; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where apt fetches packages: the archive itself, and its security updates."""

    archive: str | None = None
    security: str | None = None

    def lines(self, suite: str) -> str:
        """/etc/apt/sources.list for a suite."""
        found = [f"deb {self.archive} {suite} main"] if self.archive else []
        if self.security:
            found.append(f"deb {self.security} {suite}-security main")
        return "".join(f"{line}\n" for line in found)


def _entries(text: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """URI, suites and components of each binary source, in either of apt's formats (sources.list(5))."""
    if "Types:" not in text:
        for line in text.splitlines():
            words = line.partition("#")[0].split()
            if words[:1] != ["deb"]:
                continue
            if words[1].startswith("["):  # options, maybe of several words
                words = ["deb", *" ".join(words).partition("]")[2].split()]
            yield words[1], words[2:3], words[3:]
        return
    for stanza in text.split("\n\n"):
        fields = {}
        for line in stanza.splitlines():
            if not line.startswith("#") and ":" in line:
                name, _, value = line.partition(":")
                fields[name.strip()] = value.split()
        if "deb" in fields.get("Types", []) and fields.get("Enabled") != ["no"]:
            for uri in fields.get("URIs", []):
                yield uri, fields.get("Suites", []), fields.get("Components", [])


def sources(texts: Sequence[str]) -> Sources:
    """What the source lists of a Debian machine say. Other distributions and third parties have other suites."""
    known = {*SUITES, "bullseye", "forky", "sid", "stable", "testing", "unstable"}
    archive = security = None
    for text in texts:
        for uri, suites, components in _entries(text):
            if "main" not in components:
                continue
            if archive is None and known.intersection(suites):
                archive = uri
            if security is None and known.intersection(each.removesuffix("-security") for each in suites) - {*suites}:
                security = uri
    return Sources(archive, security)


def host_sources() -> Sources:
    """The sources of this machine. Without any, debootstrap takes its own default."""
    if chosen := os.environ.get("DEBIAN_MIRROR"):
        return Sources(chosen)
    folder = Path("/etc/apt")
    files = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*.sources"))]
    files += sorted((folder / "sources.list.d").glob("*.list"))
    return sources([file.read_text(encoding="utf-8") for file in files if file.is_file()])


def host_architecture() -> str:
    """Debian's name of this machine's architecture."""
    found = [name for name, machine in ARCHITECTURES.items() if machine == platform.machine()]
    if not found:
        raise DebianRootError(f"this machine is {platform.machine()}; the roots are {', '.join(ARCHITECTURES)}")
    return found[0]


def interpreter(architecture: str) -> str:
    """The line that binfmt_misc takes for programs of an architecture ("" for this machine's own).

    elf(5): 64 bits, little-endian (offset 4 to 5), executable or shared (16), EM_AARCH64 = 183 or EM_X86_64 = 62 (18).
    `F`: the kernel opens the interpreter at once, so that the root needs no copy of it.
    """
    if architecture == host_architecture():
        return ""
    program = shutil.which(f"qemu-{ARCHITECTURES[architecture]}-static")
    if program is None:
        raise DebianRootError(f"a root for {architecture} needs qemu here: apt-get install qemu-user-static")
    machine = {"amd64": r"\x3e", "arm64": r"\xb7"}[architecture]
    magic = r"\x7fELF\x02\x01\x01" + r"\x00" * 9 + r"\x02\x00" + machine + r"\x00"
    mask = r"\xff" * 7 + r"\x00" * 9 + r"\xfe\xff\xff\xff"
    return f":pumpd-{architecture}:M:0:{magic}:{mask}:{program}:F"


def interpreted(architecture: str, *command: str) -> list[str]:
    """A command of this machine that can start programs of an architecture."""
    foreign = interpreter(architecture)
    return ["sh", "-c", _INTERPRETED, "sh", foreign, *command] if foreign else [*command]


@dataclass(frozen=True, slots=True)
class Root:
    """A Debian root in a folder. `shared`: folders of this machine, and where a command in the root sees each."""

    path: Path
    architecture: str = "amd64"
    shared: tuple[tuple[Path, str], ...] = ()

    def command(self, *command: str, network: bool = True) -> list[str]:
        """A command that runs another one in this root, with its own mounts and processes: none outlives it.

        Without `network`, it has only a loopback interface.
        """
        enter = [*_APART, *([] if network else ["--net"]), "sh", "-c", _ENTER, "sh"]
        enter += [*(word for here, there in self.shared for word in (str(here), there)), "--", *command]
        settings = {"ROOT": str(self.path), "NETWORK": "yes" if network else "no"}
        settings |= {"PATH": _PATH, "HOME": "/root", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        settings |= {name: os.environ[name] for name in PROXIES if name in os.environ}
        return [
            "env",
            "-i",
            *(f"{name}={value}" for name, value in settings.items()),
            *interpreted(self.architecture, *enter),
        ]

    def run(
        self, *command: str, network: bool = True, check: bool = True, text: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in this root. Its output is taken; a failure says it.

        :raises DebianRootError: it failed, and `check` is set
        """
        done = subprocess.run(
            self.command(*command, network=network),
            input=text,
            stdin=None if text else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            errors="replace",
        )
        if check and done.returncode:
            raise DebianRootError(
                f"in the root {self.path}: `{shlex.join(command)}` ended with {done.returncode}:\n"
                f"{done.stdout}{done.stderr}"
            )
        return done


def cache() -> Path:
    """Where the archives are."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pumpd" / "roots"


def archive_name(suite: str, architecture: str, include: Sequence[str]) -> str:
    """One archive for each choice of packages, whatever their order."""
    chosen = ",".join(sorted(set(include)))
    return f"{suite}-{architecture}-{hashlib.sha256(chosen.encode()).hexdigest()[:12]}.tar.zst"


def archive(suite: str, architecture: str, include: Sequence[str] = ()) -> Path:
    """The archive of a root; it is built if there is none. Two that ask at once build it once.

    :raises DebianRootError: it cannot be built here
    """
    if suite not in SUITES or architecture not in ARCHITECTURES:
        raise DebianRootError(
            f"no root {suite} {architecture}: there are {', '.join(SUITES)} for {', '.join(ARCHITECTURES)}"
        )
    found = cache() / archive_name(suite, architecture, include)
    if found.is_file():
        return found
    _ready_to_build()
    found.parent.mkdir(parents=True, exist_ok=True)
    with (found.parent / f".{found.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not found.is_file():
            print(f"debian_root: building {suite} {architecture}, once; it takes a minute or two", file=sys.stderr)
            _build(found, suite, architecture, include)
    return found


def _ready_to_build() -> None:
    if os.geteuid() != 0:
        raise DebianRootError("a Debian root is built by root: run this with sudo")
    missing = [
        name for name in ("debootstrap", "tar", "zstd", "unshare", "ip") if shutil.which(name, path=_PATH) is None
    ]
    if missing:
        raise DebianRootError(
            f"missing here: {', '.join(missing)}. Install them: apt-get install debootstrap zstd iproute2"
        )


def _build(found: Path, suite: str, architecture: str, include: Sequence[str]) -> None:
    folder = found.parent / f".building-{found.name}"
    shutil.rmtree(folder, ignore_errors=True)  # of a build that was killed; this one holds the lock
    folder.mkdir()
    try:
        tree = folder / "root"
        host = host_sources()
        chosen = ",".join(sorted({*include, "ca-certificates"}))
        command = ["debootstrap", "--variant=minbase", f"--arch={architecture}", f"--include={chosen}"]
        foreign = bool(interpreter(architecture))
        command += [*(["--foreign"] if foreign else []), suite, str(tree), *([host.archive] if host.archive else [])]
        # debootstrap mounts /proc in the tree. In a namespace of its own, none is left behind when it is killed.
        _must(["unshare", "--mount", "--propagation=private", "env", f"PATH={_PATH}", *command])
        if foreign:
            _second_stage(tree, suite, architecture)
        if host.archive:
            (tree / "etc/apt/sources.list").write_text(host.lines(suite), encoding="utf-8")
        _apt_settings(tree / "etc/apt/apt.conf.d/01-pumpd")
        shutil.rmtree(tree / "var/cache/apt/archives", ignore_errors=True)
        (tree / "var/cache/apt/archives/partial").mkdir(parents=True)
        packed = folder / "packed"
        _must(
            [
                "tar",
                "--create",
                "--zstd",
                "--numeric-owner",
                "--xattrs",
                "--one-file-system",
                f"--file={packed}",
                f"--directory={tree}",
                ".",
            ]
        )
        packed.rename(found)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _second_stage(tree: Path, suite: str, architecture: str) -> None:
    """Install what debootstrap fetched for another architecture.

    Its own second stage is emulated from end to end and takes hours: for each dependency it reads Debian's whole list
    of packages, in 75 s of processor time. Here this machine's dpkg unpacks; only maintainer scripts are emulated.
    """
    stage, proc = tree / "debootstrap", tree / "proc"
    if proc.is_symlink():  # in a container of Docker the first stage leaves one that leads nowhere
        proc.unlink()
        proc.mkdir()
    files = dict(line.split() for line in (stage / "debpaths").read_text(encoding="utf-8").splitlines())
    required = (stage / "required").read_text(encoding="utf-8").split()
    ordered = sorted(files, key=lambda name: (name != "base-passwd", name not in required))
    no_services = tree / "usr/sbin/policy-rc.d"  # of Debian: exit code 101 forbids the start of any service
    no_services.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    no_services.chmod(0o755)
    dpkg = ["dpkg", f"--root={tree}", "--force-architecture", "--force-depends", "--force-unsafe-io", "--unpack"]
    settings = [f"PATH={_PATH}", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8"]
    packages = [f"{tree}{files[name]}" for name in ordered]
    _must(interpreted(architecture, *_APART, "env", *settings, *dpkg, *packages))
    with quick(Root(tree, architecture), suite) as root:
        # INITRD: a kernel in a root is started with an initramfs that is made for it.
        root.run("env", "INITRD=No", "dpkg", "--configure", "--pending")
    no_services.unlink()
    shutil.rmtree(stage)


def _apt_settings(file: Path) -> None:
    """As this machine's apt: its proxy, and whether it takes lists of an older date (a mirror of one day)."""
    done = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False)
    taken = ("Acquire::http::Proxy", "Acquire::https::Proxy", "Acquire::Check-Valid-Until", "Acquire::Check-Date")
    lines = [line for line in done.stdout.splitlines() if line.startswith(taken)]
    file.write_text("".join(f"{line}\n" for line in [*lines, 'APT::Install-Recommends "false";']), encoding="utf-8")


def _must(command: Sequence[str]) -> None:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, errors="replace"
    )
    if done.returncode:
        raise DebianRootError(f"`{shlex.join(command)}` ended with {done.returncode}:\n{done.stdout[-3000:]}")


def unpack(suite: str, architecture: str, into: Path, include: Sequence[str] = ()) -> Root:
    """A fresh root in an empty or new folder, which the caller removes.

    :raises DebianRootError: it cannot be built here
    """
    packed = archive(suite, architecture, include)
    into.mkdir(parents=True, exist_ok=True)
    _must(["tar", "--extract", "--zstd", "--numeric-owner", "--xattrs", f"--file={packed}", f"--directory={into}"])
    into.chmod(0o755)
    for name in ("resolv.conf", "hosts"):  # debootstrap's are the machine's at that time
        shutil.copyfile(f"/etc/{name}", into / "etc" / name)
    return Root(into, architecture)


@contextmanager
def fresh(suite: str, architecture: str, include: Sequence[str] = ()) -> Iterator[Root]:
    """A fresh root that is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="pumpd-root-") as folder:
        yield unpack(suite, architecture, Path(folder) / "root", include)


@contextmanager
def quick(root: Root, suite: str) -> Iterator[Root]:
    """A root in which packages can be configured without waiting for an emulator.

    In a root of another architecture, the ALIKE programs are those of this machine's architecture for as long as this
    lasts, from a root of the same suite. Packages that hold one of them cannot be unpacked meanwhile.
    """
    # Only amd64 has its loader in a folder of its own, beside those of other architectures.
    if not interpreter(root.architecture) or host_architecture() != "amd64":
        yield root
        return
    with fresh(suite, "amd64", _WITH_ALIKE) as own:
        added = ("usr/lib/x86_64-linux-gnu", "lib64")
        programs = [
            str(file.relative_to(own.path))
            for name in ALIKE
            for file in (own.path / "usr/bin").glob(name)
            if not file.is_symlink() and (root.path / "usr/bin" / file.name).is_file()
        ]
        yield Root(root.path, root.architecture, tuple((own.path / each, each) for each in (*added, *programs)))
        for folder in added:
            (root.path / folder).rmdir()


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools.debian_root", description="Debian roots to try things in.")
    parser.add_argument("suite", choices=SUITES)
    parser.add_argument("architecture", choices=ARCHITECTURES)
    parser.add_argument("--include", default="", help="packages, separated by commas")
    parser.add_argument("--into", type=Path, help="unpack a fresh root into this folder")
    parser.add_argument("--run", nargs=argparse.REMAINDER, help="run this command in a fresh root")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a root in use is removed
    include = [name for name in arguments.include.split(",") if name]
    try:
        if arguments.run:
            with fresh(arguments.suite, arguments.architecture, include) as root:
                return subprocess.run(root.command(*arguments.run), check=False).returncode
        if arguments.into:
            print(unpack(arguments.suite, arguments.architecture, arguments.into.resolve(), include).path)
        else:
            print(archive(arguments.suite, arguments.architecture, include))
    except DebianRootError as error:
        print(f"debian_root: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
