"""Which browser it is, of what it says of itself."""

from __future__ import annotations

import pytest

from mailhub.http.panel.browsers import name

MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox, Linux",
        ),
        (f"{MAC} AppleWebKit/605.1.15 Version/18.3 Safari/605.1.15", "Safari, macOS"),
        (f"{MAC} AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36", "Chrome, macOS"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge, Windows"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Mobile Safari/537.36", "Chrome, Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18 like Mac OS X) Safari/604.1", "Safari, iPhone"),
        ("curl/8.5", "curl"),
        ("Something/1 (CrOS)", "ChromeOS"),
        ("", "?"),
        ("<script>", "?"),
    ],
)
def test_names(agent: str, said: str) -> None:
    assert name(agent) == said
