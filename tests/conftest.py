"""What all tests share."""

from __future__ import annotations

import gc

import pytest


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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Hypothesis tries many cases where a table has a few."""
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("thorough")
