"""Sign a package for gateways: `python -m tools.sign_update key FILE`, and then `… FILE.deb --key FILE`.

For the release side, never on a gateway. The signature is Ed25519 over the bytes of the package, as `openssl pkeyutl
-rawin` makes and verifies it.
"""

import argparse
import sys
from pathlib import Path

from pumpd.trust import SigningError, key_id, load_key, make_key, public_text, replace_file

MAKER = "python -m tools.sign_update key"


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tools.sign_update", description=__doc__)
    parser.add_argument("what", help="a package to sign; or `key`, to make a key")
    parser.add_argument("file", nargs="?", type=Path, help="with `key`: the file for the private half")
    parser.add_argument("--key", type=Path, help="the private key that signs")
    given = parser.parse_args(words)
    try:
        if given.what == "key" and given.file is not None:
            public = public_text(make_key(given.file).public_key())
            sys.stdout.write(f"key {key_id(public)}; in /etc/pumpd/trust/update.pub of each gateway:\n{public}\n")
            return 0
        if given.key is None:
            parser.error("a package needs --key")
        package = Path(given.what)
        replace_file(Path(f"{package}.sig"), load_key(given.key, MAKER).sign(package.read_bytes()))
    except (SigningError, OSError) as error:
        sys.stderr.write(f"nothing was signed: {error}\n")
        return 1
    sys.stdout.write(f"{package}.sig\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
