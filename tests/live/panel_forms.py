"""Every form of the panel, with what it takes and what it refuses, for the test in a browser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.live.outgoing import PASSWORD

ROOT, JOE, ANN = "root@home.test", "joe@home.test", "ann@home.test"
Fields = Mapping[str, str | bool]


@dataclass(frozen=True)
class Form:
    """`key`: method and shape of its path; `page`: where it stands; `button`: the one to press.

    `good` is taken, and then the page holds `shows`; `bad` is refused with words of why, and what
    was typed is still there; None where a form has nothing to fill in, so that what is wrong about
    it can be its proof alone.
    """

    key: str
    page: str
    good: Fields = field(default_factory=dict)
    bad: Fields | None = None
    shows: str = ""
    button: str = ""
    who: str = ROOT


HOSTILE = "\"'><img src=x onerror=ran(1)>"
FILTER = "/panel/filters>table a"
SCRIPTS = "/panel/filters/scripts"
USER = "/panel/users?query=ann>table a"
"""A page, and the link on it to go on with."""
ENTRY = "/panel/queue>table a"
DOMAIN = "/panel/domains/new.test"
RENAMED = "/panel/domains/newer.test"
FORMS = (
    Form(
        "POST /panel/app-passwords",
        "/panel/app-passwords",
        {"description": "Phone", "imap": True},
        {"description": ""},
        "Phone",
        who=JOE,
    ),
    Form("POST /panel/app-passwords/*/remove", "/panel/app-passwords", who=JOE),
    Form(
        "POST /panel/password",
        "/panel/password",
        {"old": PASSWORD, "new": PASSWORD + "2", "again": PASSWORD + "2"},
        {"old": "wrong", "new": "short", "again": "shirt"},
        "was changed",
        who=JOE,
    ),
    Form(
        "POST /panel/addresses/name",
        "/panel/addresses",
        {"name": "Joe " + HOSTILE, "language": ""},
        shows="Joe " + HOSTILE,
        who=JOE,
    ),
    Form(
        "POST /panel/addresses/forwarding",
        "/panel/addresses",
        {"targets": "away@far.test"},
        {"targets": HOSTILE},
        "Saved.",
        who=JOE,
    ),
    Form(
        "POST /panel/addresses/encryption",
        "/panel/addresses",
        {"key": ""},
        {"key": HOSTILE, "stored": True},
        "Saved.",
        who=JOE,
    ),
    Form(
        "POST /panel/filters/new",
        "/panel/filters/new",
        {"name": HOSTILE, "subject": "sale", "than": "larger", "size": "5M", "seen": True},
        {"name": HOSTILE, "subject": "sale"},
        "larger than 5.0 MiB",
        who=JOE,
    ),
    Form(
        "POST /panel/filters/*",
        FILTER,
        {"name": "Sales", "delete": True},
        {"name": "x", "than": "larger", "size": "much"},
        "Sales",
        who=JOE,
    ),
    Form("POST /panel/filters/*/switch", "/panel/filters", shows="Turn on", who=JOE),
    Form("POST /panel/filters/*/remove", "/panel/filters", who=JOE),
    Form(
        "POST /panel/filters/scripts/edit",
        "/panel/filters/scripts/edit",
        {"name": "Mine", "source": "keep;"},
        {"name": HOSTILE, "source": HOSTILE},
        "Mine",
        who=JOE,
    ),
    Form("POST /panel/filters/scripts/remove", SCRIPTS, shows="none yet", who=JOE),
    Form(
        "POST /panel/filters/scripts/edit",
        "/panel/filters/scripts/edit",
        {"name": "Other", "source": "keep;"},
        shows="Other",
        who=JOE,
    ),
    Form("POST /panel/filters/scripts/activate", SCRIPTS, shows="Stop", who=JOE),
    Form(
        "POST /panel/autoreply",
        "/panel/autoreply",
        {"on": True, "subject": HOSTILE, "text": HOSTILE, "ends": "2060-01-01T00:00"},
        {"on": True, "text": HOSTILE, "starts": "2060-01-02T00:00", "ends": "2060-01-01T00:00"},
        "Saved.",
        who=JOE,
    ),
    Form("POST /panel/sessions/end", "/panel/sessions", who=JOE),
    Form("POST /panel/users/*/sessions/end", f"{USER}>a[href$='/sessions']"),
    Form("GET /panel/users", "/panel/users", {"query": "ann"}, {"query": HOSTILE}, ANN),
    Form(
        "POST /panel/users",
        "/panel/users",
        {"address": "eve@home.test", "name": "Eve", "password": PASSWORD, "quota": "2G"},
        {"address": "nobody", "name": HOSTILE, "password": "x", "quota": "lots"},
        "eve@home.test",
    ),
    Form("POST /panel/users/*", USER, {"name": "Ann", "quota": "1G"}, {"quota": "lots"}, ANN),
    Form(
        "POST /panel/users/*/password",
        USER,
        {"password": PASSWORD + "3"},
        {"password": ""},
        "The password was changed",
    ),
    Form("POST /panel/users/*/sign-out", USER, shows="Every session ended"),
    Form("POST /panel/users/*/remove", USER, {"address": ANN}, {"address": "ann"}),
    Form("GET /panel/users/left", "/panel/users/left", {"query": "ann"}, {"query": HOSTILE}, ANN),
    Form("POST /panel/users/left", "/panel/users/left"),
    Form("GET /panel/domains", "/panel/domains", {"query": "home"}, {"query": HOSTILE}),
    Form(
        "POST /panel/domains",
        "/panel/domains",
        {"name": "new.test"},
        {"name": HOSTILE},
        "new.test",
    ),
    Form("POST /panel/domains/*", DOMAIN, {"catch_all": JOE}, {"catch_all": HOSTILE}, JOE),
    Form("POST /panel/domains/*/keys/forget", DOMAIN),
    Form("POST /panel/domains/*/keys", DOMAIN, shows="signs", button="activate"),
    Form("POST /panel/domains/*/rename", DOMAIN, {"new": "newer.test"}, {"new": HOSTILE}),
    Form("POST /panel/domains/*/remove", RENAMED, {"name": "newer.test"}, {"name": "new"}),
    Form("GET /panel/logins", "/panel/logins", {"user": JOE}, {"user": HOSTILE, "ip": HOSTILE}),
    Form("GET /panel/messages", "/panel/messages", {"query": JOE}, {"query": HOSTILE}),
    Form("GET /panel/web", "/panel/web", {"query": "home"}, {"query": HOSTILE}),
    Form("GET /panel/aliases", "/panel/aliases", {"query": "post"}, {"query": HOSTILE}),
    Form(
        "POST /panel/aliases",
        "/panel/aliases",
        {"address": "sales@home.test", "targets": JOE},
        {"address": HOSTILE, "targets": "nobody"},
        "sales@home.test",
    ),
    Form("POST /panel/aliases/remove", "/panel/aliases?query=sales"),
    Form(
        "POST /panel/dns",
        "/panel/dns",
        {"name": "www.home.test", "kind": "TXT", "value": "hello"},
        {"name": HOSTILE, "kind": "A", "value": "nonsense"},
        "hello",
    ),
    Form("POST /panel/dns/remove", "/panel/dns"),
    Form(
        "POST /panel/certificates/request",
        "/panel/certificates",
        {"domain": "home.test"},
        {"domain": HOSTILE},
        "BEGIN CERTIFICATE REQUEST",
    ),
    Form(
        "POST /panel/certificates",
        "/panel/certificates",
        bad={"domain": "home.test", "certificate": HOSTILE},
    ),
    Form("GET /panel/queue", "/panel/queue", {"query": "later1"}, {"query": HOSTILE}, "later1"),
    Form("POST /panel/queue/*", ENTRY, shows="on hold", button="hold"),
    Form("POST /panel/queue", "/panel/queue", {"everything": True}, {}, button="hold"),
    Form(
        "POST /panel/queue/suppressed",
        "/panel/queue/suppressed",
        {"address": "gone@far.test", "reason": HOSTILE},
        {"address": "nobody", "reason": HOSTILE},
        "gone@far.test",
    ),
    Form("POST /panel/queue/suppressed/remove", "/panel/queue/suppressed"),
    Form("POST /panel/status", "/panel/status"),
    Form("POST /panel/status/machine", "/panel/status", button="private|asked"),
    Form(
        "POST /panel/backup",
        "/panel/backup",
        {"address": "local", "keep": "7"},
        {"address": "ftp://nowhere", "keep": "7"},
        "Make one now",
    ),
    Form("POST /panel/backup/run", "/panel/backup"),
)
BY_HAND = {
    "POST /panel/sign-in",
    "POST /panel/sign-out",
    "POST /panel/sign-in/code",
    "POST /panel/two-step",
    "POST /panel/two-step/begin",
    "POST /panel/two-step/off",
    "POST /panel/sessions/browsers/*/end",
    "POST /panel/sessions/programs/*/end",
    "POST /panel/users/*/sessions/browsers/*/end",
    "POST /panel/users/*/sessions/programs/*/end",
    "POST /panel/programs/profile",
    "POST /panel/users/*/access/app-password",
    "POST /panel/users/*/access/two-step",
    "POST /panel/certificates/provision",
    "POST /panel/dns/zones/*",
    "POST /panel/logins/release",
}
"""Forms that have a test of their own: in test_panel_steps, and for certificates, which need an
authority, in test_certificates."""
