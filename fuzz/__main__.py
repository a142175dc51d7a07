"""Runs every target, one after the other, and says how many inputs each was given.

`python -m fuzz --seconds 60 [TARGET…]`; `python -m fuzz --replay FILE TARGET` tries one input
again, without atheris. Inputs that find a defect are kept in var/fuzz/, by target.
"""

from __future__ import annotations

import argparse
import importlib
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOUND = ROOT / "var" / "fuzz"
TARGETS = ("smtp", "imap", "pop3", "managesieve", "sieve", "mime", "nameserver")
EXECUTED = re.compile(r"^stat::number_of_executed_units:\s*(\d+)", re.MULTILINE)
PROGRESS = re.compile(r"#\d+\t|INFO: Instrumenting ")
GRACE = 120
"""Seconds beyond its time in which a target must have started, tried its seeds and ended."""
TAIL = 60
"""Lines of a failed run that are shown."""


def main() -> int:
    """The exit status: 0 when no input found a defect in any target."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Fuzz the parsers.")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--replay", type=Path, help="a file with one input, for one target")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    options = parser.parse_args()
    targets = options.targets or TARGETS
    unknown = sorted(set(targets) - set(TARGETS))
    if unknown:
        parser.error(f"there is no target {unknown[0]}, but {', '.join(TARGETS)}")
    if options.replay is not None:
        if len(targets) != 1:
            parser.error("--replay needs the one target that the input is for")
        importlib.import_module(f"fuzz.{targets[0]}").one(options.replay.read_bytes())
        return 0
    return max(fuzz(name, options.seconds) for name in targets)


def fuzz(name: str, seconds: int) -> int:
    """One target in a process of its own; 1 when an input found a defect, or when none ran."""
    found = FOUND / name
    found.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mailhub-fuzz-") as folder:
        arguments = [sys.executable, "-m", "fuzz.guided", name, folder, str(found), str(seconds)]
        try:
            done = subprocess.run(
                arguments,
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=seconds + GRACE,
                check=False,
            )
            status, told = done.returncode, done.stdout.decode(errors="replace")
        except subprocess.TimeoutExpired as expired:
            status, told = 1, (expired.stdout or b"").decode(errors="replace")
    counted = EXECUTED.search(told)
    executions = int(counted[1]) if counted is not None else 0
    passed = status == 0 and executions > 0
    took = time.monotonic() - began
    verdict = "no defect" if passed else f"FAILED, see {found.relative_to(ROOT)}"
    print(f"{name:11} {executions:10,} executions in {took:4.0f} s: {verdict}", flush=True)
    if not passed:
        lines = [line for line in told.splitlines() if PROGRESS.match(line) is None]
        print("\n".join(lines[-TAIL:]), file=sys.stderr)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
