"""Programs that Debian packages bring."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

SERVERS = "/usr/sbin:/sbin"
"""Where Debian has them; not in everybody's PATH."""


def program(name: str) -> str:
    """The path of one. In CI a missing one fails the test."""
    return shutil.which(name) or shutil.which(name, path=SERVERS) or missing(name)


def missing(name: str) -> NoReturn:
    """Fails the test in CI, and leaves it out elsewhere."""
    if os.environ.get("CI"):
        raise AssertionError(f"{name} is not installed; `make test` installs it")
    pytest.skip(f"{name} is not installed")
