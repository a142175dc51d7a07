"""Settings of certificates and web sites: what is refused, and where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailhub import config

pytestmark = pytest.mark.thorough

FAULTS = [
    ('[acme]\ndirectory = "http://ca.example/dir"', "acme.directory: Only https: is possible"),
    ('[acme]\ndirectory = "nothing"', "acme.directory: "),
    ('[acme]\ncontact = "nobody"', "acme.contact: 'nobody' is no mail address"),
    ('[acme]\nnames = ["*.ok.example", "a b"]', "acme.names: 'a b' is no host name"),
    ("[acme]\nreview = 0", "acme.review has to be 1 at least"),
    ('[sites]\nhsts = "maybe"', "sites.hsts: 'maybe' is none of no, yes, preload"),
    ('[[site]]\ndomain = "a b"', "site[1].domain: "),
    ('[[site]]\ndomain = "a.example"\nhsts = "x"', "site[1].hsts: 'x' is none of"),
    (
        '[[site]]\ndomain = "a.example"\nredirects = [["(", "/x"]]',
        "site[1].redirects: '(' is no regular expression",
    ),
    (
        '[[site]]\ndomain = "a.example"\nredirects = [["^/(.*)", "/$2"]]',
        "site[1].redirects: '^/(.*)' has not so many groups",
    ),
    (
        '[[site]]\ndomain = "a.example"\nredirects = [["^/x", "javascript:x"]]',
        "site[1].redirects: 'javascript:x' is no URL",
    ),
    (
        '[[site]]\ndomain = "a.example"\nproxies = [["/x"]]',
        "site[1].proxies: A proxy is a path and a URL",
    ),
    (
        '[[site]]\ndomain = "a.example"\nproxies = [["/x", "http://127.0.0.1:3000/", "fast"]]',
        "site[1].proxies: 'fast' is none of pass-http-host",
    ),
    (
        '[[site]]\ndomain = "a.example"\nproxies = [["x", "http://127.0.0.1:3000/"]]',
        "site[1].proxies: 'x' does not begin with a slash",
    ),
    (
        '[[site]]\ndomain = "b.example"\n[[site]]\ndomain = "a.example"\naliases = [["x", "/y"]]',
        "site[2].aliases: 'x' does not begin with a slash",
    ),
]


@pytest.mark.parametrize(("text", "said"), FAULTS)
def test_what_cannot_be_is_told(text: str, said: str) -> None:
    with pytest.raises(config.BadConfig) as refused:
        config.parse(text, "mailhub.toml", None, {})
    (problem,) = refused.value.problems
    assert problem.text.startswith(said)
    assert problem.line > 0


def test_paths_count_from_the_files_folder(tmp_path: Path) -> None:
    text = (
        '[acme]\ntrusted = "ca.pem"\n[tls]\nauthorities = "more.pem"\n[sites]\nfolder = "sites"\n'
        '[[site]]\ndomain = "a.example"\naliases = [["/x/", "files"]]\n'
    )
    path = tmp_path / "mailhub.toml"
    found = config.parse(text, str(path), path, {})
    base = str(path.parent)
    assert found.acme.trusted == f"{base}/ca.pem"
    assert found.tls.authorities == f"{base}/more.pem"
    assert found.sites.folder == f"{base}/sites"
    assert found.site[0].aliases == (("/x/", f"{base}/files"),)
