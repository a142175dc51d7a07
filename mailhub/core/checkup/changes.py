"""What changed between two looks: pure arithmetic on what was found and what was remembered.

What could not be looked at changes nothing: it is as it was, so that a DNS that is away for a
while is no news of a hundred domains.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mailhub.model.checkup import Change, Chapter, Finding, Light

Remembered = dict[str, dict[str, tuple[str, str]]]
"""By chapter and by what was looked at: the light's name, and what was so."""


def remembered(chapters: Sequence[Chapter], before: Remembered) -> Remembered:
    """What to keep of a look, so that the next one can be held against it. Chapters that were not
    looked at now stay as they were."""
    return {
        one.title: (
            _merged(one, before.get(one.title, {})) if one.at else before.get(one.title, {})
        )
        for one in chapters
    }


def read(kept: object) -> Remembered:
    """What was kept, as it comes back from JSON; what is no such thing counts as nothing."""
    if not isinstance(kept, dict):
        return {}
    found: Remembered = {}
    for title, rows in kept.items():
        if isinstance(rows, dict):
            found[str(title)] = {
                str(what): (str(row[0]), str(row[1]))
                for what, row in rows.items()
                if isinstance(row, list | tuple) and len(row) == 2 and row[0] in _LIGHTS
            }
    return found


def changes(before: Remembered, chapters: Sequence[Chapter]) -> Sequence[Change]:
    """What is not as it was: what went wrong first, then what is well again."""
    found = [change for one in chapters if one.at for change in _of(one, before.get(one.title, {}))]
    return sorted(found, key=lambda one: one.now is Light.OK)


def _of(chapter: Chapter, before: Mapping[str, tuple[str, str]]) -> Iterator[Change]:
    title = chapter.title
    for one in _worst(chapter):
        if one.sure:
            was = Light(before[one.what][0]) if one.what in before else Light.OK
            if was is not one.light:
                yield Change(title, one.what, was, one.light, one.text, one.mend)
    for what, (light, text) in _gone(chapter, before):
        if Light(light) is not Light.OK:
            yield Change(title, what, Light(light), Light.OK, text)


def _merged(chapter: Chapter, before: Mapping[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    kept = {}
    for one in _worst(chapter):
        if one.sure:
            kept[one.what] = (one.light.value, one.text)
        elif one.what in before:
            kept[one.what] = before[one.what]
    if not all(one.sure for one in chapter.findings):
        kept = {**before, **kept}
    return kept


def _worst(chapter: Chapter) -> Sequence[Finding]:
    """One finding for each thing."""
    found: dict[str, Finding] = {}
    for one in chapter.findings:
        other = found.get(one.what)
        if other is None or _LIGHTS.index(one.light.value) > _LIGHTS.index(other.light.value):
            found[one.what] = one
    return list(found.values())


def _gone(
    chapter: Chapter, before: Mapping[str, tuple[str, str]]
) -> Iterator[tuple[str, tuple[str, str]]]:
    """What was looked at before, and is no more: not where some could not be looked at."""
    if all(one.sure for one in chapter.findings):
        known = {one.what for one in chapter.findings}
        yield from ((what, row) for what, row in before.items() if what not in known)


_LIGHTS = [one.value for one in Light]
