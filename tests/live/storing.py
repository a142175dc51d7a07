"""Where the servers of live tests keep mail: in their folders, or, by TEST_STORE=postgres in
the environment, each in a database of its own on one PostgreSQL. So every live test can be run on
either.
"""

from __future__ import annotations

import atexit
import os
from functools import cache
from pathlib import Path

from tests.postgresserver import PostgresServer

VARIABLE = "TEST_STORE"
TABLE = "[store]"


def shared() -> bool:
    """Whether they keep it in databases, which several servers may have together."""
    return os.environ.get(VARIABLE) == "postgres"


def settled(sections: str, folder: Path) -> str:
    """The sections of a server's configuration, with its database where the environment asks for
    one and they name none."""
    if not shared() or "postgresql://" in sections:
        return sections
    line = f'database = "{database(folder)}"'
    if TABLE in sections:
        return sections.replace(TABLE, f"{TABLE}\n{line}")
    return f"{sections}\n{TABLE}\n{line}\n"


@cache
def server() -> PostgresServer:
    """One for all tests of this process, which ends with it."""
    found = PostgresServer()
    found.start()
    atexit.register(found.close)
    return found


@cache
def database(folder: Path) -> str:
    """The address of the database that belongs to a server's folder."""
    return server().url(server().database())
