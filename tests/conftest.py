"""What all tests share."""

from __future__ import annotations

import gc


def pytest_sessionstart() -> None:
    """Nothing of what is collected becomes garbage before the tests ran."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Thousands of collected tests live as long as the run: looking through them for garbage again
    and again was a third of its time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)  # a whole site is made for a test, and gone after it
    gc.enable()
