"""`--digests FILE`: a digest of each story's journal. Two implementations that behave alike write the same file.

    python -m tests.campaign --n 1000 --digests here.jsonl      # in each of two checkouts, one after the other
    cmp here.jsonl there.jsonl

What chance draws, names and keys, is drawn by the story's seed here; a signature is in no journal. Left out are what
time alone makes, `ts` and the chain of hashes, and the digest of the settings, which name a temporary folder.
"""

import argparse
import contextlib
import hashlib
import json
import random
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from unittest import mock

from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from pumpd.journal import Record
from tests.campaign import play as playing
from tests.campaign.draw import story

_drawn = random.Random(0)


class _Random(random.Random):
    """Without a seed it is the same each time: the pauses of a link whose port was lost."""

    def __new__(cls, seed=0):
        return super().__new__(cls, seed)

    def __init__(self, seed=0):
        super().__init__(0 if seed is None else seed)


def run(options: argparse.Namespace) -> int:
    with contextlib.ExitStack() as stack, options.digests.open("w", encoding="utf-8") as file:
        for patch in _without_chance():
            stack.enter_context(patch)
        for seed in range(options.first, options.first + options.n):
            file.write(json.dumps(of_story(seed)) + "\n")
            file.flush()
    return 0


def of_story(seed: int) -> dict:
    """Play it; the digest of its journal and what was found. Call it under `_without_chance`."""
    _drawn.seed(seed)
    kept: list[Record] = []
    with mock.patch.object(tempfile, "TemporaryDirectory", partial(_folder, seed)):
        played = playing.play(story(seed), lambda world: world.at_end.append(kept.extend))
    facts = {"virtual_s": played.virtual_s, "violations": played.violations, **played.facts}
    return {"seed": seed, "entries": len(kept), "journal": digest(kept), **facts}


def digest(entries: Sequence[Record]) -> str:
    whole = hashlib.sha256()
    for entry in entries:
        body = entry.fields
        if isinstance(body.get("build"), dict):
            body["build"].pop("settings", None)
        row = (entry.id, entry.mono_ns, entry.boot, entry.pump, entry.session, entry.kind, body)
        whole.update(json.dumps(row, sort_keys=True).encode())
    return whole.hexdigest()


def _without_chance() -> Iterator[contextlib.AbstractContextManager]:
    for name in ("token_hex", "token_urlsafe"):
        yield mock.patch.object(secrets, name, lambda size=32: _drawn.randbytes(size).hex())
    yield mock.patch.object(random, "Random", _Random)
    yield mock.patch.object(ec, "generate_private_key", lambda curve: ec.derive_private_key(7, curve))
    same = ed25519.Ed25519PrivateKey.from_private_bytes(b"7" * 32)
    yield mock.patch.object(ed25519.Ed25519PrivateKey, "generate", lambda: same)


@contextlib.contextmanager
def _folder(seed: int, dir=None) -> Iterator[str]:  # noqa: A002  # as tempfile calls it
    path = Path(dir or tempfile.gettempdir()) / f"pumpd-story-{seed}"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    try:
        yield str(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)
