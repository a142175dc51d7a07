"""Text from bytes in whatever charset a message claims; nothing here ever raises.

Charset names come from strangers: only names in the table below reach Python's codec machinery,
which remembers every name it was ever asked for, and some of whose codecs are no charsets at all.
"""

from __future__ import annotations

import codecs
import re
from encodings.aliases import aliases

_SEPARATORS = re.compile(r"[^a-z0-9]+")
_NO_CHARSETS = frozenset(
    {
        *("base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "rot_13", "uu_codec"),
        *("idna", "mbcs", "oem", "punycode", "raw_unicode_escape", "undefined", "unicode_escape"),
        "zlib_codec",
    }
)
_NO_ALIAS = (
    *("cp1006", "cp720", "cp737", "cp856", "cp874", "cp875", "koi8_r", "koi8_t", "koi8_u"),
    *("mac_arabic", "mac_croatian", "mac_farsi", "mac_romanian", "utf_8_sig"),
)
# What senders write is often the name of a subset of what they send; the superset reads both
# (WHATWG Encoding Standard 4.2). `us-ascii` is handled as undeclared.
_SUPERSETS = {
    "ansi": "cp1252",
    "ascii": "",
    "big5": "big5hkscs",
    "default_charset": "",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gb_2312": "gb18030",
    "gb_2312_80": "gb18030",
    "gbk": "gb18030",
    "iso_8859_8_i": "iso8859_8",
    "ks_c_5601": "cp949",
    "latin_1": "cp1252",
    "shift_jis": "cp932",
    "unicode_1_1_utf_7": "utf_7",
    "unknown_8bit": "",
    "utf8mb4": "utf_8",
    "windows_874": "cp874",
    "x_gbk": "gb18030",
    "x_sjis": "cp932",
    "x_unknown": "",
    "x_user_defined": "",
}


def _table() -> dict[str, str]:
    """Every charset name that is accepted, in folded spelling → Python's codec, or empty."""
    names = {_SEPARATORS.sub("_", name): codec for name, codec in aliases.items()}
    names.update({codec: codec for codec in aliases.values()})
    names.update({codec: codec for codec in _NO_ALIAS})
    names.update({name: codec for name, codec in _SUPERSETS.items() if name not in names})
    return {
        name: _SUPERSETS.get(codec, codec)
        for name, codec in names.items()
        if codec not in _NO_CHARSETS
    }


_CODECS = _table()


def codec_of(charset: str) -> str | None:
    """Python's codec for a charset name; empty for ASCII, None for a name nobody knows."""
    if len(charset) > 40:
        return None
    return _CODECS.get(_SEPARATORS.sub("_", charset.lower()).strip("_"))


def decode(data: bytes, charset: str = "") -> str:
    """`data` as text, bytes that do not fit replaced by U+FFFD.

    Without a known charset, or with ASCII declared around 8-bit bytes: UTF-8 where it fits, else
    Windows-1252.
    """
    codec = codec_of(charset) if charset else ""
    if codec:
        try:
            return data.decode(codec, "replace")
        except (ValueError, LookupError):  # a few codecs raise even so on hostile input
            return data.decode("cp1252", "replace")
    if data.isascii():
        return data.decode("ascii")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def decoder(charset: str) -> codecs.IncrementalDecoder:
    """A decoder for text that comes in pieces; UTF-8 without a known charset."""
    return codecs.getincrementaldecoder(codec_of(charset) or "utf-8")("replace")
