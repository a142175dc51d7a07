"""Routes as they are written: one spelling of each, and what is no route."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailhub.core.routes import RouteOrder
from mailhub.model.errors import Invalid, NotFound
from mailhub.model.route import Route, TLSLevel
from tests.support import run
from tests.world import ACTOR, World, world


@pytest.fixture
def here() -> World:
    return world()


def added(here: World, **given: object) -> Route:
    order = RouteOrder(**{"destination": "*", **given})  # type: ignore[arg-type]
    return run(here.routes.add(order, None, ACTOR))


def test_a_route_with_everything(here: World) -> None:
    order = RouteOrder(
        destination="Bücher.Example",
        host="Relay.Example",
        port=587,
        sender="Sales@Example.ORG",
        user="joe",
        priority=-5,
        weight=3,
        sources=("192.0.2.1", "2001:DB8::1"),
        spread=True,
        username="me",
        password="secret",
        tls="verified",
    )
    made = run(here.routes.add(order, 7, ACTOR))
    assert made == Route(
        number=made.number,
        destination="xn--bcher-kva.example",
        host="relay.example",
        port=587,
        sender="sales@example.org",
        account=7,
        priority=-5,
        weight=3,
        sources=("192.0.2.1", "2001:db8::1"),
        spread=True,
        username="me",
        password="secret",
        tls=TLSLevel.VERIFIED,
        created=int(here.clock.now()),
    )
    assert list(run(here.routes.all())) == [made]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"sender": "Example.ORG"}, {"sender": "example.org"}),
        ({"sender": "@Example.ORG"}, {"sender": "example.org"}),
        ({"host": "192.0.2.1"}, {"host": "192.0.2.1"}),
        ({"host": "[192.0.2.1]", "port": 2525}, {"host": "192.0.2.1", "port": 2525}),
        ({"host": "2001:DB8:0::1"}, {"host": "2001:db8::1"}),
        ({"destination": "EXAMPLE.com"}, {"destination": "example.com"}),
        ({"sources": ("127.0.0.2",)}, {"host": "", "sources": ("127.0.0.2",)}),
        ({"tls": "none"}, {"tls": TLSLevel.NONE}),
    ],
)
def test_one_spelling(here: World, given: dict[str, object], kept: dict[str, object]) -> None:
    made = added(here, **given)
    assert replace(made, **kept) == made  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"destination": ""}, "destination"),
        ({"destination": "a b"}, "destination"),
        ({"destination": "*.example.com"}, "destination"),
        ({"host": "not a host"}, "host"),
        ({"port": 2525}, "host"),
        ({"host": "a.example", "port": 0}, "port"),
        ({"host": "a.example", "port": 65536}, "port"),
        ({"sender": "a@b@c"}, "sender"),
        ({"sender": "@"}, "sender"),
        ({"priority": 10**7}, "priority"),
        ({"weight": 0}, "weight"),
        ({"sources": ("localhost",)}, "sources"),
        ({"sources": ("127.0.0.1",) * 101}, "sources"),
        ({"username": "a", "password": "b"}, "host"),
        ({"host": "a.example", "username": "a"}, "password"),
        ({"host": "a.example", "password": "a"}, "password"),
        ({"host": "a.example", "username": "a\r\nb", "password": "b"}, "username"),
        ({"tls": "dane"}, "tls"),
        ({"tls": "maybe"}, "tls"),
    ],
)
def test_what_is_no_route(here: World, given: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as raised:
        added(here, **given)
    assert raised.value.field == field
    assert not run(here.routes.all())


def test_removing(here: World) -> None:
    made = added(here)
    run(here.routes.remove(made.number, ACTOR))
    assert not run(here.routes.all())
    for number in (made.number, 0, -1):
        with pytest.raises(NotFound):
            run(here.routes.remove(number, ACTOR))
