"""The act behind `mailhub status`."""

from __future__ import annotations

from typing import Any

import pytest

from mailhub.control.acts import Arguments
from mailhub.control.catalog import ACTS
from mailhub.model.errors import NotFound
from tests.acting import services
from tests.support import run
from tests.world import DOMAIN, HOSTNAME, world


def ask(*domains: str) -> list[dict[str, Any]]:
    desk = services(world())
    found: list[dict[str, Any]] = run(ACTS["status"](desk, Arguments({"domains": list(domains)})))  # type: ignore[arg-type]
    return found


def test_the_server_is_looked_over_and_domains_that_are_named() -> None:
    assert [one["title"] for one in ask()] == ["System", "Network", HOSTNAME]
    *_, domain = ask(DOMAIN)
    assert domain["title"] == DOMAIN
    assert {"what", "status", "text", "mend", "details"} == set(domain["findings"][0])
    worst = {one["status"] for one in domain["findings"]} - {"unknown"}
    assert domain["status"] == ("error" if "error" in worst else "warning")


def test_a_domain_that_is_not_here() -> None:
    with pytest.raises(NotFound):
        ask("elsewhere.test")
