"""A text as a picture that a telephone can read. The library is loaded when the first is asked."""

from __future__ import annotations

MASK = 3


def png(text: str) -> str:
    """A QR code of `text` as a `data:` URL with a PNG, white border included."""
    import segno

    # To try all eight masks for the handsomest takes a tenth of a second; every reader takes any.
    return str(segno.make(text, error="m", micro=False, mask=MASK).png_data_uri(scale=4, border=4))
