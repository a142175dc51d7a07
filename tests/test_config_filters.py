"""Settings of filters: what is wrong with them is told on its line."""

from __future__ import annotations

import pytest

from mailhub import config
from mailhub.model.settings import Settings

pytestmark = pytest.mark.thorough


def parse(text: str) -> Settings:
    return config.parse(text, "m.toml", None, {})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[hello]\nours = "refuse"', "2: hello.ours: 'refuse' is neither a number of points nor"),
        ("[hello]\nours = nan", "2: hello.ours: nan is no number"),
        ('[reverse]\nmissing = "discard"', "2: reverse.missing: 'discard' is neither"),
        ('[origin]\nnull_mx = "no"', "2: origin.null_mx: 'no' is neither"),
        ("[levels]\njunk = -1.0", "2: levels.junk: junk cannot be negative"),
        ("[tarpit]\nwait = -0.5", "2: tarpit.wait: wait cannot be negative"),
        ("[greylist]\ndelay = 99\nwindow = 98", "3: greylist.window: ends before"),
        ("[greylist]\nlifetime = 0", "2: greylist.lifetime: at least 1"),
        ("[rate]\nnetwork = -1", "2: rate.network: network cannot be negative"),
        ('[rspamd]\nurl = "127.0.0.1:11333"', "2: rspamd.url: '127.0.0.1:11333' is no http"),
        ('[rspamd]\nscan = "some"', "2: rspamd.scan: 'some' is none of incoming, all"),
        ("[rspamd]\ntimeout = 0", "2: rspamd.timeout: at least 1"),
        ('[clamav]\nendpoint = "/run/c"', "2: clamav.endpoint: '/run/c' is no endpoint such as"),
        ('[clamav]\nendpoint = "tcp:localhost"', "2: clamav.endpoint: 'tcp:localhost' is no end"),
        ('[clamav]\non_failure = "x"', "2: clamav.on_failure: 'x' is none of accept, defer"),
        ('[spamassassin]\nhigh = "x"', "2: spamassassin.high: 'x' is neither"),
        ('[[dnsbl]]\nzone = ""', "2: dnsbl[1].zone: '' is no name of a list"),
        ('[[dnsbl]]\nzone = "a.b"\nof = "x"', "3: dnsbl[1].of: 'x' is none of address, sender"),
        ('[[dnsbl]]\nzone = "a.b"\ncodes = {"x" = 1}', "3: dnsbl[1].codes: 'x' is no answer"),
        ('[[dnsbl]]\nzone = "a.b"\ncodes = {"127.0.0.2" = "x"}', "3: dnsbl[1].codes: 'x' is"),
        ("[[milter]]\ntimeout = 5", "1: milter[1].endpoint: where is the filter?"),
        ('[[milter]]\nendpoint = "inet:8@h"', "2: milter[1].endpoint: 'inet:8@h' is no endpoint"),
        (
            '[[milter]]\nendpoint = "unix:a"\n[[milter]]\nendpoint = "unix:a"',
            "3: milter[2]: another milter is called 'unix:a'",
        ),
    ],
)
def test_a_fault_is_told_on_its_line(text: str, complaint: str) -> None:
    with pytest.raises(config.BadConfig) as caught:
        parse(text)
    (problem,) = caught.value.problems
    assert str(problem).startswith(f"m.toml:{complaint}")


def test_outcomes_are_words_or_points() -> None:
    settings = parse(
        '[hello]\nours = "reject"\nliteral = 3\ninvalid = 2.5\n[[dnsbl]]\nzone = "w.example"\n'
        'found = -4\ncodes = { "127.0.0.10-11" = 1.5, "127.0.0.2" = "junk" }'
    )
    assert (settings.hello.ours, settings.hello.literal, settings.hello.invalid) == (
        "reject",
        3,
        2.5,
    )
    assert settings.dnsbl[0].found == -4
    assert dict(settings.dnsbl[0].codes) == {"127.0.0.10-11": 1.5, "127.0.0.2": "junk"}
