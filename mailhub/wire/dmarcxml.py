"""DMARC aggregate reports as XML (RFC 9990 appendix A, RFC 7489 appendix C): values ↔ bytes.

Both directions work piece by piece, as reports of large senders have a hundred thousand elements
and nobody may be held up by them. A document type, and so any entity, is refused: nothing in a
report can grow. What a report means is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import escape

from mailhub.model.dmarcreport import (
    Aggregate,
    Disposition,
    DKIMFound,
    DMARCSeen,
    Override,
    Published,
    SPFFound,
)
from mailhub.model.errors import Invalid

NAMESPACE = "urn:ietf:params:xml:ns:dmarc-2.0"
RECORDS = 20_000
"""Records of a report that is read."""
SIGNATURES = 100
"""Signatures of one record, read or written (RFC 9990 3.1.3)."""
DEPTH = 16
"""Elements inside one another."""
TEXT = 1000
"""Characters of one value that are kept."""
_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_OLD_KINDS = {"policy_test_mode": "sampled_out"}


# -- writing


def pieces(report: Aggregate, *, old: bool = False) -> Iterator[bytes]:
    """The document, a record at a time. `old`: as RFC 7489 has it, for who reads nothing else."""
    root = "<feedback>" if old else f'<feedback xmlns="{NAMESPACE}">'
    yield (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{root}\n<version>1.0</version>\n'
        f"{_metadata(report, old)}\n{_published(report.published, old)}\n"
    ).encode()
    for seen, count in report.records:
        yield f"{_record(seen, count, old)}\n".encode()
    yield b"</feedback>\n"


def _tag(name: str, text: object) -> str:
    return f"<{name}>{escape(_NO_XML.sub('?', str(text)))}</{name}>"


def _metadata(report: Aggregate, old: bool) -> str:
    period = _tag("begin", report.begin) + _tag("end", report.end)
    return (
        "<report_metadata>"
        + _tag("org_name", report.organization)
        + _tag("email", report.contact)
        + _tag("report_id", report.id)
        + f"<date_range>{period}</date_range>"
        + "".join(_tag("error", error) for error in report.errors[: None if old else 1])
        + ("" if old else _tag("generator", "mailhub"))
        + "</report_metadata>"
    )


def _published(policy: Published, old: bool) -> str:
    """Tags that the record does not have are told with their defaults (RFC 9990 3.1.1.5)."""
    p = policy.policy or "none"
    sp = policy.subdomains or p
    alignment = _tag("adkim", "s" if policy.strict_dkim else "r")
    alignment += _tag("aspf", "s" if policy.strict_spf else "r")
    inner = _tag("domain", policy.domain)
    if old:
        inner += alignment + _tag("p", p) + _tag("sp", sp) + _tag("pct", policy.percent)
        inner += _tag("fo", "0")
    else:
        inner += _tag("discovery_method", "treewalk") + _tag("p", p) + _tag("sp", sp)
        inner += _tag("np", policy.nonexistent or sp) + alignment
        inner += _tag("testing", "y" if policy.testing else "n")
    return f"<policy_published>{inner}</policy_published>"


def _record(seen: DMARCSeen, count: int, old: bool) -> str:
    disposition = seen.disposition
    if old and disposition is Disposition.PASS:
        disposition = Disposition.NONE
    evaluated = _tag("disposition", disposition.value)
    evaluated += _tag("dkim", "pass" if seen.dkim else "fail")
    evaluated += _tag("spf", "pass" if seen.spf else "fail")
    evaluated += "".join(_reason(one, old) for one in seen.overrides)
    row = _tag("source_ip", seen.address) + _tag("count", count)
    who = _tag("envelope_from", seen.sender) + _tag("header_from", seen.author)
    results = "".join(
        "<dkim>"
        + _tag("domain", one.domain)
        + _tag("selector", one.selector)
        + _tag("result", one.result)
        + "</dkim>"
        for one in seen.signatures[:SIGNATURES]
    )
    if seen.spf_found is not None:
        # Only this identity counts for DMARC; of a null sender it is made of the HELO name
        # (RFC 7208 2.4), which is why RFC 9990 3.1.1.13 knows no other scope.
        scope = seen.spf_found.scope if old else "mfrom"
        results += "<spf>" + _tag("domain", seen.spf_found.domain) + _tag("scope", scope)
        results += _tag("result", seen.spf_found.result) + "</spf>"
    return (
        f"<record><row>{row}<policy_evaluated>{evaluated}</policy_evaluated></row>"
        f"<identifiers>{who}</identifiers><auth_results>{results}</auth_results></record>"
    )


def _reason(one: Override, old: bool) -> str:
    kind = _OLD_KINDS.get(one.kind, one.kind) if old else one.kind
    comment = _tag("comment", one.comment) if one.comment else ""
    return f"<reason>{_tag('type', kind)}{comment}</reason>"


# -- reading

Texts = dict[str, str]


@dataclass(slots=True)
class _Record:
    """A record as far as it was read; texts by element name."""

    row: Texts = field(default_factory=dict)
    evaluated: Texts = field(default_factory=dict)
    identifiers: Texts = field(default_factory=dict)
    reasons: list[Texts] = field(default_factory=list)
    dkim: list[Texts] = field(default_factory=list)
    spf: list[Texts] = field(default_factory=list)


class Reader:
    """Takes a report piece by piece, of either RFC; elements of others are passed over."""

    def __init__(self) -> None:
        self._path: list[str] = []
        self._text: list[str] = []
        self._kept = 0
        self._metadata: Texts = {}
        self._policy: Texts = {}
        self._errors: list[str] = []
        self._published = Published("")
        self._record = _Record()
        self._records: list[tuple[DMARCSeen, int]] = []
        parser = self._parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = _refuse

    def feed(self, piece: bytes) -> None:
        """The next octets. Raises Invalid."""
        self._parse(piece, False)

    def finish(self) -> Aggregate:
        """The report. Raises Invalid, where it is none or says nothing."""
        self._parse(b"", True)
        metadata = self._metadata
        if not self._published.domain or not metadata.get("report_id") or not self._records:
            raise Invalid("It lacks the domain, its id or records")
        return Aggregate(
            metadata.get("org_name", ""),
            metadata.get("email", ""),
            metadata["report_id"],
            _number(metadata.get("begin", "")),
            _number(metadata.get("end", "")),
            self._published,
            tuple(self._records),
            tuple(self._errors),
        )

    def _parse(self, piece: bytes, last: bool) -> None:
        try:
            self._parser.Parse(piece, last)
        except (expat.ExpatError, LookupError, ValueError) as error:
            raise Invalid(f"It is no XML that can be read: {error}") from None

    def _start(self, name: str, _: Mapping[str, str]) -> None:
        if len(self._path) >= DEPTH:
            raise Invalid("Its elements are too deep inside one another")
        self._path.append(name.rpartition(":")[2])
        self._text.clear()
        self._kept = 0
        if len(self._path) == 1 and self._path != ["feedback"]:
            raise Invalid("It is no aggregate report")
        opened = _OPENED.get("/".join(self._path[1:]))
        if opened is not None:
            opened(self)

    def _characters(self, text: str) -> None:
        if self._kept < TEXT:
            self._text.append(text[: TEXT - self._kept])
            self._kept += len(text)

    def _end(self, _: str) -> None:
        name = self._path.pop()
        closed = _CLOSED.get("/".join(self._path[1:])) if name in _KNOWN else None
        if closed is not None:
            closed(self).setdefault(name, "".join(self._text).strip())
        self._text.clear()
        if len(self._path) == 1:
            self._end_first_level(name)
        elif name == "error" and "error" in self._metadata:
            self._errors.append(self._metadata.pop("error"))

    def _end_first_level(self, name: str) -> None:
        if name == "policy_published":
            self._published = _policy(self._policy)
        elif name == "record":
            if len(self._records) >= RECORDS:
                raise Invalid("It has too many records")
            self._records.append(_seen(self._record, self._published))

    def _begin_record(self) -> None:
        self._record = _Record()


def _refuse(*_: object) -> None:
    raise Invalid("It declares a document type")


def _more(found: list[Texts]) -> None:
    if len(found) < SIGNATURES:
        found.append({})
    else:
        found[-1] = {}


_OPENED: Mapping[str, Callable[[Reader], None]] = {
    "record": lambda it: it._begin_record(),
    "record/row/policy_evaluated/reason": lambda it: _more(it._record.reasons),
    "record/auth_results/dkim": lambda it: _more(it._record.dkim),
    "record/auth_results/spf": lambda it: _more(it._record.spf),
}
_CLOSED: Mapping[str, Callable[[Reader], Texts]] = {
    "report_metadata": lambda it: it._metadata,
    "report_metadata/date_range": lambda it: it._metadata,
    "policy_published": lambda it: it._policy,
    "record/row": lambda it: it._record.row,
    "record/row/policy_evaluated": lambda it: it._record.evaluated,
    "record/row/policy_evaluated/reason": lambda it: it._record.reasons[-1],
    "record/identifiers": lambda it: it._record.identifiers,
    "record/auth_results/dkim": lambda it: it._record.dkim[-1],
    "record/auth_results/spf": lambda it: it._record.spf[-1],
}
"""What the children of these elements are kept in."""
_IN_HEAD = "org_name email report_id begin end error domain p sp np adkim aspf testing pct"
_IN_RECORD = (
    "source_ip count disposition dkim spf type comment header_from envelope_from domain selector"
    " result scope"
)
_KNOWN = frozenset(f"{_IN_HEAD} {_IN_RECORD}".split())
"""Children that are kept: strange ones take no memory."""


def _policy(texts: Texts) -> Published:
    return Published(
        texts.get("domain", "").lower(),
        texts.get("p", ""),
        texts.get("sp", ""),
        texts.get("np", ""),
        texts.get("adkim", "") == "s",
        texts.get("aspf", "") == "s",
        texts.get("testing", "") == "y",
        _number(texts.get("pct", "100")),
    )


def _number(text: str) -> int:
    """A count or a time; some write times with a fraction. Raises Invalid."""
    whole = text.partition(".")[0]
    if not (whole.isascii() and whole.isdigit() and len(whole) <= 12):
        raise Invalid(f"{text[:40]!r} is no number")
    return int(whole)


def _seen(one: _Record, published: Published) -> tuple[DMARCSeen, int]:
    evaluated, spf = one.evaluated, one.spf[0] if one.spf else None
    try:
        disposition = Disposition(evaluated.get("disposition", "").lower())
    except ValueError:
        disposition = Disposition.NONE
    seen = DMARCSeen(
        published,
        one.row.get("source_ip", ""),
        one.identifiers.get("header_from", "").lower(),
        one.identifiers.get("envelope_from", "").lower(),
        disposition,
        evaluated.get("dkim", "").lower() == "pass",
        evaluated.get("spf", "").lower() == "pass",
        tuple(
            DKIMFound(dkim.get("domain", ""), dkim.get("selector", ""), dkim.get("result", ""))
            for dkim in one.dkim
        ),
        None
        if spf is None
        else SPFFound(spf.get("domain", ""), spf.get("result", ""), spf.get("scope", "mfrom")),
        tuple(Override(why.get("type", ""), why.get("comment", "")) for why in one.reasons),
    )
    return seen, _number(one.row.get("count", ""))
