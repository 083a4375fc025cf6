"""Writes the corpora that ship with the project, or checks that they are what the generators make.

python data/generate.py            rewrite every file, byte for byte the same each time
python data/generate.py --check    write nothing; exit with 1 and name the file if one differs
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from dialogue import corpus as dialogue
from g2p import corpus as g2p
from summarization import corpus as summarization
from translation import corpus as translation

DATA = Path(__file__).parent
CORPORA: Mapping[str, Callable[[], Mapping[str, bytes]]] = {
    "translation": translation.files,
    "g2p": g2p.files,
    "dialogue": dialogue.files,
    "summarization": summarization.files,
}


def write(folder: Path) -> None:
    """Writes every corpus below the folder."""
    for files in CORPORA.values():
        for name, content in files().items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def differences(folder: Path) -> list[str]:
    """A sentence for every file below the folder that is missing or not as generated."""
    found = []
    for files in CORPORA.values():
        for name, content in files().items():
            path = folder / name
            if not path.is_file():
                found.append(f"{path} is missing; run python data/generate.py to write it.")
            elif path.read_bytes() != content:
                found.append(f"{path} differs from what is generated; run python data/generate.py to rewrite it.")
    return found


def main(arguments: list[str]) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, compare with the files on disk")
    if not parser.parse_args(arguments).check:
        write(DATA)
        return 0
    found = differences(DATA)
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
