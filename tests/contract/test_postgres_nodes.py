"""Several processes on one database, and a database that dies: nothing is lost or done twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from mailhub.model.errors import MailhubError, Unavailable
from mailhub.model.message import Arrival, Copy
from mailhub.store.postgres.connection import Connection, LostError
from tests.contract.postgres import Postgres
from tests.contract.stores import ACTOR, MESSAGE, House, TextBody, rendered

pytestmark = pytest.mark.live


def delivering(house: House, account: int, token: str) -> Awaitable[Sequence[Arrival]]:
    """Asks for one delivery; the answer is to be waited for."""
    copies = [Copy(account, None, b"")]
    return house.store.messages.deliver(
        token, TextBody(MESSAGE), rendered(), copies, None, (), ACTOR
    )


def test_two_processes_give_every_message_a_uid_of_its_own(
    shared_postgres: Postgres, tmp_path: Path
) -> None:
    one = shared_postgres.house(tmp_path)
    two = shared_postgres.house(tmp_path, beside=one)
    try:
        account, boxes = one.account()
        waiting = []
        for serial in range(60):
            house = two if serial % 2 else one
            waiting.append((house, delivering(house, account.number, f"{serial:020d}")))
        uids = sorted(house.ask(answer)[0].uid for house, answer in waiting)
        assert uids == list(range(1, 61))
        assert one.uids(account.number, boxes["INBOX"]) == uids
        entries = two.ask(two.store.journal.since(0))
        numbers = [entry.number for entry in entries]
        assert len(set(numbers)) == len(numbers)
        modseqs = [entry.modseq for entry in entries if entry.kind == "arrived"]
        assert len(set(modseqs)) == 60
    finally:
        one.stop()
        two.stop()


@pytest.mark.parametrize("committed", [True, False])
def test_a_commit_whose_answer_was_lost(
    shared_postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    house = shared_postgres.house(tmp_path)
    try:
        account, boxes = house.account()
        real: Callable[[Connection], None] = Connection.commit

        def lost(connection: Connection) -> None:
            if not connection.execute("SELECT token FROM handover").fetchone():
                real(connection)  # the store's own work
                return
            monkeypatch.setattr(Connection, "commit", real)
            if committed:
                real(connection)
            connection.close()
            raise LostError(Unavailable())

        monkeypatch.setattr(Connection, "commit", lost)
        answer = delivering(house, account.number, "1" * 20)
        if committed:
            assert house.ask(answer)[0].uid == 1
        else:
            with pytest.raises(Unavailable):
                house.ask(answer)
        assert house.uids(account.number, boxes["INBOX"]) == ([1] if committed else [])
        # A client that sends again makes no second copy.
        house.ask(delivering(house, account.number, "1" * 20))
        assert house.uids(account.number, boxes["INBOX"]) == [1]
    finally:
        house.stop()


def test_a_database_that_dies_and_comes_back(tmp_path: Path) -> None:
    postgres = Postgres()
    house = postgres.house(tmp_path)
    try:
        account, boxes = house.account()
        taken = []
        for serial in range(40):
            if serial == 20:
                postgres.server.kill()
                with pytest.raises(MailhubError):
                    house.ask(delivering(house, account.number, f"{99:020d}"))
                postgres.server.start()
            answer = house.ask(delivering(house, account.number, f"{serial:020d}"))
            taken.append(answer[0].uid)
        assert house.uids(account.number, boxes["INBOX"]) == taken
    finally:
        house.stop()
        postgres.close()


def test_bodies_that_no_row_refers_to_go(shared_postgres: Postgres, tmp_path: Path) -> None:
    house = shared_postgres.house(tmp_path)
    try:
        account, boxes = house.account()
        house.fill(account.number, boxes["INBOX"], 5)
        house.ask(house.store.accounts.remove(account.number, ACTOR))

        def bodies() -> int:
            return int(
                house.ask(
                    house.store.runner.read(
                        lambda cursor: cursor.execute("SELECT count(*) FROM blob", {}).fetchone()[0]
                    )
                )
            )

        house.reactor.until(lambda: bodies() == 0)
    finally:
        house.stop()
