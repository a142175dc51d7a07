"""Large forms with files."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.errors import Invalid
from mailhub.wire import formparts
from mailhub.wire.formparts import FormPart
from mailhub.wire.slices import finish

FORM = (
    b'--B\r\nContent-Disposition: form-data; name="to"\r\n\r\nann\r\n'
    b'--B\r\nContent-Disposition: form-data; name="files"; filename="a%22b.txt"\r\n'
    b"Content-Type: text/plain; charset=x\r\n\r\none\r\n--C\r\n\r\n"
    b'--B\r\ncontent-disposition: form-data; name="files"; filename=""\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n\r\n--B--\r\n"
)


def read(data: bytes, boundary: bytes = b"B") -> list[FormPart]:
    return list(finish(formparts.locate(memoryview(data), boundary)))


def test_parts_are_found() -> None:
    to, file, none = read(FORM)
    assert (to.name, to.filename, FORM[to.start : to.end]) == ("to", None, b"ann")
    assert (file.filename, file.media) == ('a"b.txt', "text/plain")
    assert FORM[file.start : file.end] == b"one\r\n--C\r\n"
    assert (file.is_chosen, none.is_chosen, to.is_chosen) == (True, False, False)


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\fakepath\\passwd", "..", "a%0D%0Ab"])
def test_a_filename_is_no_path(name: str) -> None:
    data = FORM.replace(b"a%22b.txt", name.encode())
    assert read(data)[1].filename in ("passwd", "", "a b")


@pytest.mark.parametrize(
    "data",
    [b"", b"--B", b"--B\r\n\r\n\r\n--B--", FORM[:-6], b'--B\r\nX: name="a"\r\n\r\n\r\n--B--'],
)
def test_what_is_no_form_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        read(data)


def test_there_is_an_end_to_parts() -> None:
    part = b'\r\n--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
    with pytest.raises(Invalid):
        read(part * 400 + b"\r\n--B--")


@pytest.mark.parametrize("before", [0, 1, formparts.STEP - 200, formparts.STEP - 3])
def test_a_boundary_may_stand_between_two_pieces(before: int) -> None:
    content = b"\r" * before
    data = FORM.replace(b"ann", content)
    assert [part.end - part.start for part in read(data)] == [before, 10, 0]


@given(
    st.lists(st.binary(max_size=60).filter(lambda one: b"\r\n--B" not in one + b"\r"), max_size=5)
)
@settings(max_examples=50)
def test_any_content_is_found(contents: list[bytes]) -> None:
    data = b"".join(
        b'--B\r\nContent-Disposition: form-data; name="f"; filename="n"\r\n\r\n%b\r\n' % one
        for one in contents
    )
    data += b"--B--"
    assert [data[part.start : part.end] for part in read(data)] == contents
