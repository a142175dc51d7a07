"""Every call of every dialect, asked by whoever has no right to it: it is refused, and nothing is
different afterwards. Calls are found in the dialects, so that no new one is forgotten."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from json import dumps

import pytest

from mailhub.core.rights import Caller, Role, Standing, check
from mailhub.http.routing import Route
from mailhub.model.account import Account, Factor
from mailhub.model.account import Role as AccountRole
from mailhub.model.errors import NotPermitted
from tests.http.browsing import Reply
from tests.http.place import ANN, ARGUMENT, EVE, JOE, TOKEN, Place
from tests.http.tmail import basic
from tests.support import run
from tests.world import ACTOR, APPS

pytestmark = pytest.mark.thorough

OPEN = {
    ("tmail", "GET", "/ping"),
    ("tmail", "GET", "/openapi.json"),
    ("wildduck", "GET", "/openapi.json"),
    *(("mailinabox", "GET", path) for path in ("/openapi.json", "/", "/munin")),
    ("mailinabox", "GET", "/munin/<path:page>"),
    *(("easymail", "GET", path) for path in ("/openapi.json", "/ping")),
    *(("mailinabox", how, path) for how in ("GET", "POST") for path in ("/login", "/logout")),
    ("panel", "GET", "/static/<name>"),
    *(("panel", how, f"/sign-in{step}") for how in ("GET", "POST") for step in ("", "/code")),
    ("panel", "POST", "/sign-out"),
    ("well-known", "GET", "/.well-known/acme-challenge/<token>"),
    ("well-known", "GET", "/.well-known/mta-sts.txt"),
    ("well-known", "GET", "/.well-known/autoconfig/mail/config-v1.1.xml"),
    ("well-known", "GET", "/mail/config-v1.1.xml"),
    ("well-known", "GET", "/mail.mobileconfig"),
    ("well-known", "GET", "/mailinabox.mobileconfig"),
    ("well-known", "POST", "/autodiscover/autodiscover.xml"),
    ("well-known", "POST", "/Autodiscover/Autodiscover.xml"),
    ("frame", "GET", "/health"),
    ("frame", "GET", "/health/live"),
    ("frame", "GET", "/health/ready"),
}
"""Whoever reaches the server may ask for these."""
BY_TOKEN = {"wildduck", "frame"}
"""Dialects that the root's token opens."""
ROOT = "root@example.org"


@pytest.fixture(scope="module")
def place() -> Place:
    """For tests that say themselves that they change nothing."""
    return Place()


@pytest.fixture
def fresh() -> Place:
    place = Place()
    assert place.known
    return place


def refusal(reply: Reply) -> int:
    """The status; pages for people ask who is nobody to sign in, and say no more."""
    where = reply.headers.get("location", "").partition("?")[0]
    return 401 if where == "/panel/sign-in" else reply.status


def answered(place: Place, user: str = "", **headers: str) -> dict[str, int]:
    """What each call answers that is not open to all; under its other path only to who shows
    nothing at all. Nothing is different after all of them."""
    before = place.everything()
    found = {
        f"{name} {one.method} {one.path}": refusal(place.ask(prefix, one, user, **headers))
        for name, prefix, one in place.calls
        if (name, one.method, one.path) not in OPEN
        and (not headers or not one.path.startswith("/user/"))
    }
    assert place.everything() == before
    assert len(found) > 120
    return found


def opened(place: Place, user: str = "", **headers: str) -> set[str]:
    """The calls that were answered with anything but a refusal at the door."""
    codes = answered(place, user, **headers)
    return {call for call, code in codes.items() if code not in (401, 403)}


def test_the_root_comes_in_everywhere(place: Place) -> None:
    """Otherwise the other tests would say nothing."""
    met = 0
    for name, prefix, one in place.calls:
        endless = one.path.endswith(("/updates", "/restore"))
        if name in BY_TOKEN and one.method == "GET" and not endless:
            reply = place.ask(prefix, one, x_access_token=TOKEN)
            assert reply.status in (200, 400, 404), (one.path, reply.body)
            met += reply.status == 200
    assert met > 40


def test_every_argument_of_a_path_is_known_here(place: Place) -> None:
    """Whose is it? What an account owns belongs into `Place.known`, other things into `NOWHERE`."""
    found = {name for _, _, one in place.calls for name in ARGUMENT.findall(one.path)}
    assert found - place.known.keys() == set()


def test_every_call_of_wildduck_names_a_right(place: Place) -> None:
    assert {
        (name, one.method, one.path)
        for name, _, one in place.calls
        if name == "wildduck" and one.right is None
    } <= OPEN


# -- nobody


def unsigned(**claims: object) -> str:
    """A JWT as RFC 7519 section 6 has it, which says itself that nobody vouches for it."""
    words = ({"alg": "none", "typ": "JWT"}, claims)
    return ".".join(urlsafe_b64encode(dumps(one).encode()).decode() for one in words) + "."


NO_CREDENTIALS = [
    {},
    {"x_access_token": "0" * 40},
    {"authorization": "Bearer " + "f" * 40},
    {"authorization": "Bearer x"},
    {"authorization": f"Bearer {TOKEN[:-1]}"},
    {"authorization": "Bearer " + unsigned(sub=ROOT, id=1, role="admin", exp=2**40)},
    {"authorization": "Basic x"},
    {"authorization": basic("", TOKEN)},
    {"authorization": basic(TOKEN, TOKEN)},
    {"authorization": basic("nobody@example.org")},
    {"x_access_token": TOKEN, "authorization": "Bearer " + "0" * 40},
    {"cookie": f"accessToken={TOKEN}; session={TOKEN}"},
]


@pytest.mark.parametrize("headers", NO_CREDENTIALS, ids=str)
def test_nobody_comes_in(place: Place, headers: dict[str, str]) -> None:
    """It is nobody's business either what exists."""
    assert opened(place, **headers) == set()


# -- tokens


@pytest.mark.parametrize("user", ["", "f" * 24, "me%00", "..", "ME"])
def test_a_persons_token_opens_nothing_of_others_nor_of_all(place: Place, user: str) -> None:
    found = set()
    before = place.everything()
    for name, prefix, one in place.calls:
        if name == "wildduck" and one.right is not None:
            reply = place.ask(prefix, one, user, x_access_token=place.token())
            if reply.status not in (400, 403, 404):
                found.add(f"{one.method} {one.path}")
    assert found == {"GET /authenticated", "DELETE /authenticate"}
    assert place.everything() == before


Change = Callable[[Place, Account], object]


def disabled(place: Place, who: Account) -> None:
    run(place.world.accounts.update(replace(current(place, who), disabled=True), ACTOR))


def suspended(place: Place, who: Account) -> None:
    run(place.world.accounts.update(replace(current(place, who), suspended=True), ACTOR))


def removed(place: Place, who: Account) -> None:
    run(place.world.accounts.remove(who.number, ACTOR))


def new_password(place: Place, who: Account) -> None:
    run(place.world.accounts.set_password(who.number, "another", ACTOR))


def logged_out(place: Place, who: Account) -> None:
    run(place.world.accounts.end_sessions(who.number, ACTOR))


def old(place: Place, who: Account) -> None:
    place.world.clock.advance(15 * 86400)


def current(place: Place, who: Account) -> Account:
    return run(place.world.accounts.get(who.number))


@pytest.mark.parametrize("end", [disabled, suspended, removed, new_password, logged_out, old])
def test_a_token_that_is_over_opens_nothing(fresh: Place, end: Change) -> None:
    token, joe = fresh.token(), fresh.world.people[JOE]
    end(fresh, joe)
    assert opened(fresh, joe.id, x_access_token=token) == set()


@pytest.mark.parametrize("role", [Role.USER, Role.AUDIT])
def test_a_token_that_was_revoked_opens_nothing(place: Place, role: Role) -> None:
    token = place.token(role=role)
    run(place.world.tokens.revoke(token))
    assert opened(place, "me", x_access_token=token) == set()


def allowed(who: Caller, one: Route, subject: str) -> bool:
    assert one.right is not None
    try:
        check(who, one.right, subject if "<user>" in one.path else None)
    except NotPermitted:
        return False
    return True


SCOPES = [
    *((role, Standing.WHOLE) for role in Role if role is not Role.ROOT),
    (Role.USER, Standing.FACTOR),
    (Role.USER, Standing.PASSWORD),
]


@pytest.mark.parametrize(("role", "standing"), SCOPES)
def test_a_token_of_the_wrong_scope_is_refused(
    place: Place, role: Role, standing: Standing
) -> None:
    """What the table does not say is refused at the door, and every role misses something."""
    joe = place.world.people[JOE]
    who = Caller("", joe.number, joe.id if role.is_personal else "", role, standing, "key")
    account = joe if role.is_personal else None
    if standing is Standing.FACTOR:
        account = replace(joe, factors=(Factor.TOTP,))
    elif standing is Standing.PASSWORD:
        account = replace(joe, must_change=True)
    token = run(place.world.tokens.issue(account, role))[0]
    before, met = place.everything(), 0
    for name, prefix, one in place.calls:
        if name != "wildduck" or one.right is None or allowed(who, one, joe.id):
            continue
        reply = place.ask(prefix, one, joe.id, x_access_token=token)
        assert reply.json["code"] == "MissingPrivileges", f"{one.method} {one.path}"
        met += 1
    assert met > 5
    assert place.everything() == before


# -- passwords


def no_administrator(place: Place, root: Account) -> str:
    return basic(EVE)


def wrong(place: Place, root: Account) -> str:
    return basic(ROOT, "wrong")


def shut(end: Change) -> Callable[[Place, Account], str]:
    def given(place: Place, root: Account) -> str:
        end(place, root)
        return basic(ROOT)

    given.__name__ = end.__name__
    return given


def second_factor(place: Place, root: Account) -> str:
    place.world.second_factor(ROOT)
    return basic(ROOT)


def app_password(place: Place, root: Account) -> str:
    place.world.second_factor(ROOT, all=APPS["all"])
    return basic(ROOT, APPS["all"])


def given_password(place: Place, root: Account) -> str:
    return basic(ROOT, run(place.world.identity.recovery.reset(root.number, ACTOR)))


def token_for_password(place: Place, root: Account) -> str:
    return basic(ROOT, place.token(ROOT))


PASSWORDS = [
    no_administrator,
    wrong,
    *map(shut, (disabled, suspended, removed, new_password)),
    second_factor,
    app_password,
    given_password,
    token_for_password,
]


@pytest.mark.parametrize("given", PASSWORDS, ids=lambda one: one.__name__)
def test_only_an_administrators_own_password_opens(
    fresh: Place, given: Callable[[Place, Account], str]
) -> None:
    root = fresh.world.account(ROOT, role=AccountRole.ADMIN)
    (ping,) = [one for name, _, one in fresh.calls if (name, one.path) == ("tmail", "/users")]
    assert fresh.ask("/tmail", ping, authorization=basic(ROOT)).status == 200
    assert opened(fresh, authorization=given(fresh, root)) == set()


def test_a_browser_that_knows_a_password_is_no_proof(fresh: Place) -> None:
    """Another site's page makes it send that along."""
    fresh.world.account(ROOT, role=AccountRole.ADMIN)
    headers = {"authorization": basic(ROOT), "sec_fetch_site": "cross-site"}
    assert opened(fresh, **headers) == set()


# -- whom a call is about


@pytest.mark.parametrize("user", ["gone", "f" * 24])
def test_the_root_finds_nothing_of_who_is_not_there(fresh: Place, user: str) -> None:
    """Within its time of grace an account can be restored, and nothing else. To delete what is gone
    succeeds, as the document has it."""
    if user == "gone":
        user = fresh.id(ANN)
        run(fresh.world.accounts.remove(fresh.world.people[ANN].number, ACTOR))
    found = set()
    for name, prefix, one in fresh.calls:
        if name != "wildduck" or "<user>" not in one.path or one.path.endswith("/restore"):
            continue
        reply = fresh.ask(prefix, one, user, x_access_token=TOKEN)
        if reply.status not in (400, 404):
            found.add(f"{one.method} {one.path}")
    assert found == {"DELETE /users/<user>", "DELETE /user/<user>"}
