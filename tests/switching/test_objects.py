"""A plan tells what making then does, and making twice makes nothing twice."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mailhub.control.acts import Arguments
from mailhub.control.catalog import ACTS, TAKES
from mailhub.core.domainfile import AccountFile, AddressFile, DomainFile
from mailhub.model.account import Limits
from mailhub.model.errors import MailhubError
from mailhub.switching import plan
from mailhub.switching.faults import Refusal
from mailhub.switching.ledger import Book, Made
from mailhub.switching.objects import PASSWORDS, Making
from mailhub.switching.origin import AccountThere, AliasThere, DomainThere
from mailhub.switching.plan import Fate
from mailhub.switching.source import Elsewhere, Unknown
from tests.acting import services
from tests.support import run
from tests.world import ACTOR, world

HASH = "$6$saltsalt$hash"


class Acts:
    """`House` without a socket. `refuses`: acts that are refused once each."""

    def __init__(self) -> None:
        self.world = world()
        self.services = services(self.world)
        self.refuses: deque[str] = deque()

    def ask(self, act: str, data: bytes | None = None, **arguments: Any) -> Any:
        if self.refuses and self.refuses[0] == act:
            self.refuses.popleft()
            raise Refusal("not now", "Unavailable")
        asked = Arguments(arguments)
        try:
            if data is None:
                return run(ACTS[act](self.services, asked))
            spool = self.world.store.spools.open()
            spool.write(data)
            return run(TAKES[act](self.services, asked, spool.finish()))
        except MailhubError as error:
            raise Refusal(error.text, type(error).__name__) from None

    def pour(self, act: str, size: int, pieces: Iterable[bytes], **arguments: Any) -> None:
        raise AssertionError("objects have no bodies")

    def result(self) -> Any:
        raise AssertionError("objects have no bodies")

    def items(self, act: str, **arguments: Any) -> Iterator[Mapping[str, Any]]:
        raise AssertionError("objects are no lists")


def account(address: str, **more: Any) -> AccountThere:
    further = more.pop("further", ())
    file = AccountFile(username=more.pop("username", address), address=address, maildir="", **more)
    return AccountThere(file, address, further)


class There:
    """`Origin` of values."""

    def __init__(self) -> None:
        self.domains_: list[DomainThere] = [
            DomainThere(
                DomainFile(name="d.example", aliases=("dd.example",), catch_all="ann@d.example")
            )
        ]
        self.accounts_: list[AccountThere] = [
            account(
                "ann@d.example",
                password=HASH,
                limits=Limits(storage=5 << 20),
                further=(AddressFile(address="a@d.example", owner="ann@d.example"),),
            ),
            account("ben@d.example", suspended=True, role="admin", factors=("totp",)),
            AccountThere(
                AccountFile(username="relay", address="", maildir="", sending="any", password=HASH),
                "relay",
            ),
        ]
        self.aliases_: list[AliasThere] = [
            AliasThere(AddressFile(address="info@d.example", targets=("ann@d.example",))),
            AliasThere(
                AddressFile(address="ben@d.example", targets=("x@far.example",), diverted=True)
            ),
        ]

    def domains(self) -> Sequence[DomainThere]:
        return self.domains_

    def accounts(self) -> Iterator[AccountThere]:
        return iter(self.accounts_)

    def aliases(self) -> Iterator[AliasThere]:
        return iter(self.aliases_)

    def remarks(self) -> Sequence[str]:
        return []


@dataclasses.dataclass
class Case:
    """A move of `there` to `house`."""

    house: Acts
    there: There
    book: Book
    passwords: Unknown = Unknown.NONE
    elsewhere: Elsewhere | None = None

    def plan(self) -> dict[tuple[str, str], plan.Item]:
        found = plan.planned(self.there, self.house, self.passwords)
        return {(item.kind, item.name): item for item in found}

    def fates(self) -> set[Fate]:
        return {item.fate for item in self.plan().values()}

    def make(self, *only: str) -> dict[tuple[str, str], tuple[Made, tuple[str, ...]]]:
        found: dict[tuple[str, str], tuple[Made, tuple[str, ...]]] = {}

        def told(kind: str, name: str, made: Made, notes: Sequence[str]) -> None:
            found[kind, name] = (made, tuple(notes))

        Making(self.house, self.book, self.passwords, self.elsewhere, told).all(
            self.there, only=only
        )
        return found

    def words(self) -> list[str]:
        path = self.book.folder / PASSWORDS
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    book = Book(tmp_path / "switch", lambda: 7.0)
    yield Case(Acts(), There(), book)
    book.close()


def test_all_is_new_then_made_then_here(case: Case) -> None:
    assert case.fates() == {Fate.NEW}
    made = case.make()
    assert {one for one, _ in made.values()} == {Made.DONE}
    ann = case.house.ask("user-show", name="ann@d.example")
    assert (ann["quota"], ann["addresses"]) == (5 << 20, ["ann@d.example", "a@d.example"])
    assert run(case.house.world.accounts.password_hash(ann["number"])) == HASH
    assert case.house.ask("user-show", name="ben@d.example")["suspended"]
    assert case.house.ask("user-show", name="ben@d.example")["role"] == "user"
    relay = case.house.ask("user-show", name="relay")
    assert (relay["sending"], relay["address"]) == ("any", "")
    assert case.house.ask("domain-show", name="d.example")["catch_all"] == "ann@d.example"
    assert case.house.ask("domain-show", name="dd.example")["alias_of"] == "d.example"
    ben = case.house.ask("alias-show", address="ben@d.example")
    assert ben["targets"] == ["x@far.example"]
    planned = case.plan()
    diverted = planned.pop(("alias", "ben@d.example"))
    assert diverted.fate is not Fate.CONFLICT
    assert {item.fate for item in planned.values()} == {Fate.HERE}


def test_done_twice_it_makes_nothing_twice(case: Case) -> None:
    case.make()
    before = case.house.ask("user-list")
    again = case.make()
    assert {one for one, _ in again.values()} == {Made.DONE}
    assert case.house.ask("user-list") == before
    assert [post.user for post in case.book.posts()] == ["ann@d.example", "ben@d.example"]


def test_a_plan_tells_what_is_not_carried_over(case: Case) -> None:
    ben = case.plan()["account", "ben@d.example"]
    assert "suspended" in ben.about
    assert "password unknown yet" in ben.about
    notes = " ".join(ben.notes)
    for word in ("administrator", "totp"):
        assert word in notes
    ann = case.plan()["account", "ann@d.example"]
    assert ann.about == "quota 5 MiB, with its password"


def test_conflicts_are_planned_and_told_and_the_rest_goes_on(case: Case) -> None:
    here = case.house.world
    run(here.domains.add("d.example", ACTOR))
    run(here.addresses.create("ann@d.example", ACTOR, targets=["x@far.example"]))
    case.house.ask("user-add", name="ben@d.example", address="other@d.example")
    run(here.addresses.create("info@d.example", ACTOR, targets=["z@far.example"]))
    run(here.domains.add("dd.example", ACTOR))
    planned = case.plan()
    wanted = {
        ("domain", "d.example"): Fate.HERE,
        ("domain", "dd.example"): Fate.CONFLICT,
        ("account", "ann@d.example"): Fate.CONFLICT,
        ("account", "ben@d.example"): Fate.CONFLICT,
        ("account", "relay"): Fate.NEW,
        ("alias", "info@d.example"): Fate.HERE,
    }
    assert {key: planned[key].fate for key in wanted} == wanted
    made = case.make()
    assert made["account", "ann@d.example"][0] is Made.REFUSED
    assert "alias" in made["account", "ann@d.example"][1][0]
    assert made["account", "ben@d.example"][0] is Made.REFUSED
    assert made["account", "relay"][0] is Made.DONE
    assert case.house.ask("alias-show", address="ann@d.example")["targets"] == ["x@far.example"]
    assert case.book.posts() == []


def test_an_account_that_was_here_stays_as_it_is(case: Case) -> None:
    case.passwords = Unknown.RANDOM
    run(case.house.world.domains.add("d.example", ACTOR))
    case.house.ask("user-add", name="ben@d.example", password="own password", full_name="Ben")
    made = case.make()
    assert made["account", "ben@d.example"][0] is Made.THERE
    assert case.words() == []
    assert case.house.ask("user-show", name="ben@d.example")["name"] == "Ben"


@pytest.mark.parametrize("passwords", [Unknown.RANDOM, Unknown.RESET])
def test_passwords_are_given_out_once(case: Case, passwords: Unknown) -> None:
    case.passwords = passwords
    case.make()
    case.make()
    (line,) = case.words()
    user, word = line.split(",")
    assert user == "ben@d.example"
    assert len(word) >= 12
    assert (case.book.folder / PASSWORDS).stat().st_mode & 0o777 == 0o600
    ben = run(case.house.world.accounts.by_username(user))
    assert ben.has_password
    assert ben.must_change is (passwords is Unknown.RESET)


def test_what_was_cut_off_in_an_account_goes_on_there(case: Case) -> None:
    case.passwords = Unknown.RANDOM
    case.house.refuses.append("user-set")
    made = case.make("ben@d.example")
    assert made["account", "ben@d.example"][0] is Made.REFUSED
    assert case.book.posts() == []
    assert case.make("ben@d.example")["account", "ben@d.example"][0] is Made.DONE
    assert run(case.house.world.accounts.by_username("ben@d.example")).has_password
    assert len(case.words()) == 2, "the last one counts"


def test_a_killed_command_goes_on_where_it_was(case: Case) -> None:
    case.passwords = Unknown.RANDOM
    case.book.note("account", "ben@d.example", Made.BEGUN)
    run(case.house.world.domains.add("d.example", ACTOR))
    case.house.ask("user-add", name="ben@d.example")
    made = case.make("ben@d.example")
    assert made["account", "ben@d.example"][0] is Made.DONE
    assert len(case.words()) == 1
    assert run(case.house.world.accounts.by_username("ben@d.example")).has_password


def test_a_hash_that_nobody_can_check_is_no_password(case: Case) -> None:
    odd = dataclasses.replace(case.there.accounts_[0].file, password="md5:1234")
    case.there.accounts_ = [dataclasses.replace(case.there.accounts_[0], file=odd)]
    (made, notes) = case.make()["account", "ann@d.example"]
    assert made is Made.DONE
    assert "of a kind that is not known" in notes[0]


def test_accounts_live_elsewhere_from_their_beginning(case: Case) -> None:
    case.elsewhere = Elsewhere(imap="imaps://old.example")
    case.make()
    shown = case.house.ask("elsewhere-show", user="ann@d.example")
    assert (shown["phase"], shown["name"]) == ("elsewhere", "ann@d.example")
    case.house.ask("elsewhere-phase", user="ann@d.example", phase="here")
    case.make()
    again = case.house.ask("elsewhere-show", user="ann@d.example")
    assert again["phase"] == "here", "who was moved is not moved back"
    with pytest.raises(Refusal):
        case.house.ask("elsewhere-show", user="relay")


def test_records_of_keys_that_wait_are_told(case: Case) -> None:
    assert ("key", "d.example") not in case.make()
    run(case.house.world.keys.rotate("d.example", ACTOR))
    _, records = case.make()["key", "d.example"]
    assert records
    assert all("._domainkey.d.example" in record for record in records)


def test_one_account_alone(case: Case) -> None:
    made = case.make("ann@d.example")
    assert set(made) == {
        ("domain", "d.example"),
        ("account", "ann@d.example"),
        ("address", "a@d.example"),
    }


def test_sizes_for_people() -> None:
    assert [plan.size(one) for one in (5, 1 << 10, 3 << 29, 1 << 40)] == [
        "5 octets",
        "1 KiB",
        "1.5 GiB",
        "1 TiB",
    ]
