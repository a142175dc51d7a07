"""8-bit messages made 7-bit: what every part says stays the same."""

from __future__ import annotations

import email
import email.policy
import re
from email.message import Message

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.errors import Unsupported
from mailhub.wire import downgrade
from mailhub.wire.downgrade import seven_bit

TEXT = b"Content-Type: text/plain; charset=utf-8\r\n"
MIXED = (
    b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"pre\xe4mble\r\n--b\r\n%b--b--\r\nepil\xf6gue\r\n"
)


def converted(data: bytes) -> bytes:
    return b"".join(seven_bit(memoryview(data)))


def leaves(data: bytes) -> list[bytes]:
    """The decoded content of each part that is no container."""
    message = email.message_from_bytes(data, policy=email.policy.compat32)
    parts = [part for part in message.walk() if not part.is_multipart()]
    return [_content(part) for part in parts]


def _content(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


def sound(data: bytes) -> None:
    """Fit for a server that takes 7-bit lines alone."""
    assert data.isascii()
    assert b"\0" not in data
    assert max(map(len, re.split(rb"\r\n", data))) <= 998


def part(header: bytes, body: bytes) -> bytes:
    return b"--b\r\n" + header + b"\r\n" + body + b"\r\n"


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        (b"", b""),
        (b"Subject: x\r\n\r\nplain\r\n", b"Subject: x\r\n\r\nplain\r\n"),
        (b"Subject: x\r\n", b"Subject: x\r\n"),
        (
            b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n\r\nascii all the same\r\n",
            b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit\r\n\r\nascii all the same\r\n",
        ),
        (
            b"Subject: x\r\n\r\nmany words and one \xfc\r\n",
            b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n"
            b"Content-Type: text/plain; charset=unknown-8bit\r\n\r\nmany words and one =FC\r\n",
        ),
        (
            b"MIME-Version: 1.0\r\n" + TEXT + b"\r\n\xc3\xbc\xc3\xbc\r\n",
            b"MIME-Version: 1.0\r\n" + TEXT + b"Content-Transfer-Encoding: base64\r\n\r\nw7zDvA0K",
        ),
        (
            b"MIME-Version: 1.0\r\ncontent-transfer-encoding :\r\n 8BIT\r\n"
            b"Content-Type: image/x\r\n\r\n\xff\r\n",
            b"MIME-Version: 1.0\r\nContent-Type: image/x\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n/w0K",
        ),
        (
            b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=20\xfc\r\n",
            b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=20=FC\r\n",
        ),
        (
            b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\nYW\xfcJj\r\n",
            b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\nYWJj\r\n",
        ),
    ],
)
def test_messages(message: bytes, wanted: bytes) -> None:
    assert converted(message) == wanted


def test_each_part_has_what_suits_it() -> None:
    inner = b"Subject: inner\r\nMIME-Version: 1.0\r\n" + TEXT + b"\r\nlong enough \xc3\xbc\r\n"
    message = MIXED % b"".join(
        (
            part(TEXT, b"words words words words words words \xc3\xbc"),
            part(TEXT + b"Content-Transfer-Encoding: binary\r\n", b"x" * 2000),
            part(b"Content-Type: image/x\r\nContent-Transfer-Encoding: binary\r\n", b"\0\xff\n\r"),
            part(b"Content-Type: message/rfc822\r\n", inner),
            part(b"", b"plain"),
        )
    )
    found = converted(message)
    sound(found)
    assert leaves(found) == leaves(message)
    assert found.count(b"Content-Transfer-Encoding: quoted-printable") == 3
    assert found.count(b"Content-Transfer-Encoding: base64") == 1
    assert b"pre?mble" in found
    assert b"epil?gue" in found
    assert found.startswith(MIXED.partition(b"\r\n\r\n")[0])


@pytest.mark.parametrize(
    "message",
    [
        b"Subject: gr\xfc\xdfe\r\n\r\nx\r\n",
        MIXED % part(b"Content-Description: \xfc\r\n", b"x"),
        b"Content-Transfer-Encoding: x-uuencode\r\n\r\n\xfc\r\n",
        b"Content-Type: message/partial\r\n\r\n\xfc\r\n",
        b"Content-Type: multipart/mixed\r\n\r\n\xfc\r\n",
    ],
)
def test_what_cannot_be_converted_is_refused_before_any_octet(message: bytes) -> None:
    said: list[bytes] = []
    with pytest.raises(Unsupported):
        said.extend(seven_bit(memoryview(message)))
    assert b"".join(said) == b""


texts = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=120), max_size=12
)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(lines=texts, size=st.sampled_from([57, 114, 57 * 256]))
def test_text_is_the_same_in_pieces_of_any_size(lines: list[str], size: int) -> None:
    body = "".join(f"{line}\r\n" for line in lines).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(downgrade, "PIECE", size)
        message = b"MIME-Version: 1.0\r\n" + TEXT + b"\r\n" + body
        found = converted(message)
    sound(found)
    assert leaves(found) == [body]


@settings(max_examples=50, deadline=None, derandomize=True)
@given(body=st.binary(max_size=600), size=st.sampled_from([57, 114, 57 * 256]))
def test_binary_is_the_same_in_pieces_of_any_size(body: bytes, size: int) -> None:
    header = (
        b"MIME-Version: 1.0\r\nContent-Type: application/x\r\n"
        b"Content-Transfer-Encoding: binary\r\n\r\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(downgrade, "PIECE", size)
        found = converted(header + body)
    sound(found)
    assert leaves(found) == [body]
