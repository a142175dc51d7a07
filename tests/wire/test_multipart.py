"""Forms in parts: what curl sends, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.errors import Invalid
from mailhub.wire import multipart


def form(**values: bytes) -> bytes:
    parts = b"".join(
        b'--B\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value)
        for name, value in values.items()
    )
    return parts + b"--B--\r\n"


def test_what_curl_sends() -> None:
    data = (
        b'--B\r\nContent-Disposition: form-data; name="domain"\r\n\r\nexample.com\r\n'
        b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.pem"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\nline\r\n\r\nline\r\n\r\n--B--\r\n"
    )
    assert multipart.fields(data, b"B") == {
        "domain": b"example.com",
        "file": b"line\r\n\r\nline\r\n",
    }


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("multipart/form-data; boundary=----x1", b"----x1"),
        ('multipart/form-data; charset=utf-8; Boundary="a b"', b"a b"),
    ],
)
def test_the_boundary(kind: str, found: bytes) -> None:
    assert multipart.boundary(kind) == found


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"--B",
        b"--B\r\n\r\nx\r\n",
        b"--B\r\nX: y\r\n\r\nx\r\n--B--",
        b'--B\r\nContent-Disposition: form-data; name="a"\r\n--B--',
        form(**{f"a{number}": b"" for number in range(200)}),
    ],
)
def test_what_is_no_form(data: bytes) -> None:
    with pytest.raises(Invalid):
        multipart.fields(data, b"B")


def test_a_type_without_a_boundary() -> None:
    with pytest.raises(Invalid):
        multipart.boundary("multipart/form-data")


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.sampled_from("abc"), st.binary(max_size=40)))
def test_values_come_back(values: dict[str, bytes]) -> None:
    assert multipart.fields(form(**values), b"B") == values
