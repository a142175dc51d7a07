"""Reports over the control socket: sent on demand, listed, shown, read again."""

from __future__ import annotations

from typing import Any

import pytest

from mailhub.control.acts import Arguments, Services
from mailhub.control.catalog import ACTS
from mailhub.core.reportkeys import DAY
from mailhub.model.errors import Invalid
from mailhub.model.settings import ReportSettings
from tests.acting import services
from tests.fakes import FakeClock
from tests.reported import NOON, TODAY, Here
from tests.support import run
from tests.world import world


def ask(offered: Services, act: str, **arguments: Any) -> Any:
    return run(ACTS[act](offered, Arguments(arguments)))  # type: ignore[arg-type]


@pytest.fixture
def mails() -> list[bytes]:
    here = Here()
    here.see()
    here.outcomes(today=True)
    return [data for _, data in here.queued()]


@pytest.fixture
def there(mails: list[bytes]) -> Services:
    """The server that was reported to; both reports lie in its mailbox."""
    address = "reports@their.example"
    here = world(clock=FakeClock(NOON), people=(address,))
    for data in mails:
        here.deliver(address, data)
    return services(here, ReportSettings(receive=address))


def test_reports_are_read_listed_and_shown(there: Services) -> None:
    assert ask(there, "report-list") == []
    assert ask(there, "report-read") == {"read": 2}
    dmarc, tls = ask(there, "report-list", days=1)
    assert (dmarc["day"], dmarc["passed"], dmarc["failed"]) == (TODAY * DAY, 3, 2)
    assert (tls["kind"], tls["passed"], tls["failed"]) == ("tls", 5, 4)
    assert ask(there, "report-list", domain="other.example") == []
    assert ask(there, "report-list", domain="THEIR.example") == [dmarc, tls]
    shown = ask(there, "report-show", domain="their.example")
    assert (shown["reports"], shown["tls_failed"], shown["more"]) == (2, 4, 0)
    assert [source["address"] for source in shown["sources"]] == ["192.0.2.66", "192.0.2.1"]
    assert shown["failures"][0]["result"] == "certificate-expired"


@pytest.mark.parametrize(
    ("act", "arguments"),
    [
        ("report-show", {}),
        ("report-show", {"domain": "a b"}),
        ("report-list", {"days": -1}),
        ("report-list", {"days": "7"}),
        ("report-send", {}),
        ("report-send", {"today": "yes"}),
    ],
)
def test_what_makes_no_sense_is_refused(
    there: Services, act: str, arguments: dict[str, object]
) -> None:
    with pytest.raises(Invalid):
        ask(there, act, **arguments)


def test_reports_are_sent_on_demand() -> None:
    here = Here()
    here.see()
    run(here.office.tallies.write())
    offered = services(here.world, ReportSettings(sender="reports@example.org"))
    assert ask(offered, "report-send") == []
    told = ask(offered, "report-send", today=True)
    assert [(one["kind"], one["outcome"], one["day"]) for one in told] == [
        ("dmarc", "sent", TODAY * DAY),
        ("tlsrpt", "sent", TODAY * DAY),
    ]
