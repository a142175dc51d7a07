"""One target under atheris: `python -m fuzz.guided TARGET FOLDER FOUND SECONDS`.

The seeds and the words of the target are put into FOLDER first; FOUND takes what finds a defect.
Everything of mailhub is instrumented, and nothing else.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
from pathlib import Path
from typing import Any

import atheris

LONGEST = 8192
"""Bytes of an input."""
SLOW = 20
"""Seconds for one input that are a defect, on a machine that does other things as well."""
MEMORY = 2048
"""Mebibytes of a run; more are a defect."""


def main() -> None:
    """Never returns: libFuzzer ends the process, with status 0 when time is over."""
    name, folder, found, seconds = sys.argv[1:]
    with atheris.instrument_imports(include=["mailhub"]):
        target = importlib.import_module(f"fuzz.{name}")
    corpus, words = Path(folder, "corpus"), Path(folder, "words")
    prepare(target, corpus, words)
    arguments = [
        sys.argv[0],
        f"-max_total_time={seconds}",
        f"-dict={words}",
        f"-artifact_prefix={found}/",
        f"-max_len={LONGEST}",
        "-len_control=0",
        f"-timeout={SLOW}",
        f"-rss_limit_mb={MEMORY}",
        "-print_final_stats=1",
        str(corpus),
    ]
    atheris.Setup(arguments, target.one)
    atheris.Fuzz()


def prepare(target: Any, corpus: Path, words: Path) -> None:
    """Writes the seeds, one a file, and the dictionary in libFuzzer's spelling."""
    corpus.mkdir()
    for seed in target.seeds():
        (corpus / hashlib.sha256(seed).hexdigest()).write_bytes(seed)
    words.write_text("".join(f'"{spelled(word)}"\n' for word in target.WORDS))


def spelled(word: bytes) -> str:
    """A word between the quotes of a dictionary."""
    return "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}" for byte in word
    )


if __name__ == "__main__":
    main()
