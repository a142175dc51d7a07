"""The key of a zone, changed from the panel."""

from __future__ import annotations

import re

import pytest

from mailhub.core.zonekeys import COPIES
from mailhub.model.account import Role
from tests.http.browsing import Site
from tests.http.visiting import Browser
from tests.support import run
from tests.world import PASSWORD, world

pytestmark = pytest.mark.thorough

ROOT = "root@example.org"
PAGE = "/panel/dns/zones/example.org"


@pytest.mark.parametrize("sign", [True, False])
def test_a_key_is_changed_step_by_step(sign: bool) -> None:
    here = world()
    here.account(ROOT, role=Role.ADMIN)
    site = Site(world=here, sign=sign)
    root = Browser(site)
    root.sign_in(ROOT, PASSWORD)
    page = root.look(PAGE)
    assert ("Change the key" in page) is sign
    if not sign:
        assert "<h2>DNSSEC</h2>" not in page
        return
    here.clock.advance(1)
    page = root.send(PAGE, act="begin")
    assert "published, not known everywhere yet" in page
    assert 'name="act"' not in page
    proof = re.search(r'name="csrf" value="(\w+)"', page)
    assert proof is not None
    for act in ("begin", "confirm"):
        root.post(PAGE, {"csrf": proof[1], "act": act})
        assert root.status == 400
        assert 'role="alert"' in root.page
    here.clock.advance(COPIES)
    run(site.zoned.keys.advance())
    assert "waits for the zone above" in root.look(PAGE)
    page = root.send(PAGE, act="confirm")
    assert "the zone above points to it" in page
    assert 'name="act"' not in page
