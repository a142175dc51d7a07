"""A text as a picture that a telephone can read. The library is loaded when the first is asked."""

from __future__ import annotations


def png(text: str) -> str:
    """A QR code of `text` as a `data:` URL with a PNG, white border included."""
    import segno

    return str(segno.make(text, error="m", micro=False).png_data_uri(scale=4, border=4))
