"""A database that goes back while a process has not looked into it yet."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from threading import Event

import pytest

from mailhub.model.change import Missed
from mailhub.model.errors import Unavailable
from mailhub.store.postgres import store
from mailhub.store.postgres.connection import Connection
from tests.contract.postgres import Postgres
from tests.contract.stores import PATIENCE
from tests.contract.test_postgres_nodes import delivering, go_back, heard, until_heard

pytestmark = pytest.mark.live
Desk = store.Desk


def test_it_is_noticed_by_who_was_still_connecting(
    shared_postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connects = Event()

    class Late(Desk):
        @property
        def connection(self) -> Connection:
            assert connects.wait(PATIENCE)
            return super().connection

    # Who looks for news has no keys.
    monkeypatch.setattr(
        store, "Desk", lambda where, *ring: Desk(where, *ring) if ring else Late(where)
    )
    one = shared_postgres.house(tmp_path)
    monkeypatch.undo()
    two = shared_postgres.house(tmp_path, beside=one)
    try:
        account, _ = one.account()
        for serial in range(4):
            one.ask(delivering(one, account.number, f"{serial:020d}"))
        heard(one, two)
        one.changes.clear()
        go_back(shared_postgres.where(one), 3)
        for serial in range(6):
            with suppress(Unavailable):  # its connection is gone
                two.ask(delivering(two, account.number, f"{serial + 10:020d}"))
        connects.set()
        until_heard(one, Missed)
    finally:
        connects.set()
        one.stop()
        two.stop()
