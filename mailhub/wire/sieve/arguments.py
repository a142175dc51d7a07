"""The arguments of one command or test, sorted by what `vocabulary` says of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from mailhub.model.errors import Invalid
from mailhub.wire.sieve import tree
from mailhub.wire.sieve.constants import Complaint
from mailhub.wire.sieve.program import Text, Value
from mailhub.wire.sieve.strings import text_of
from mailhub.wire.sieve.tree import Place
from mailhub.wire.sieve.vocabulary import ALWAYS, COMPARATORS, RELATIONS, Tagged, Takes, Word


@dataclass(slots=True)
class Arguments:
    """`tags` by group, as `vocabulary` names them; `positional` in order."""

    tags: dict[str, Value] = field(default_factory=dict)
    positional: tuple[Value, ...] = ()


class _Sorting:
    def __init__(
        self, name: str, word: Word, extensions: Collection[str], complain: Complaint
    ) -> None:
        self.name = name
        self.word = word
        self.extensions = extensions
        self.complain = complain
        self.found = Arguments()

    def sort(self, arguments: Sequence[tree.Argument], place: Place) -> Arguments:
        waiting = list(reversed(arguments))
        positional: list[tree.Argument] = []
        while waiting:
            argument = waiting.pop()
            if isinstance(argument, tree.Tag):
                self._tag(argument, waiting)
            else:
                positional.append(argument)
        self._place(positional, place)
        self._comparison(place)
        self._position(place)
        return self.found

    def _tag(self, tag: tree.Tag, waiting: list[tree.Argument]) -> None:
        known = (self.word.tags or {}).get(tag.name)
        if known is None:
            self.complain(tag.place, f"{self.name} has no argument :{tag.name}")
            return
        if known.needs and not any(one in self.extensions for one in known.needs):
            self.complain(tag.place, f':{tag.name} needs require "{known.needs[0]}"')
        tags = self.found.tags
        if known.group in tags:
            self.complain(tag.place, f":{tag.name} comes after another argument of its kind")
        value = self._taken(tag, known, waiting)
        if known.choice:
            tags[known.group] = tag.name
            if value is not True:
                tags[tag.name] = value
        else:
            tags[known.group] = value

    def _taken(self, tag: tree.Tag, known: Tagged, waiting: list[tree.Argument]) -> Value:
        """What follows a tag."""
        if known.takes is None:
            return True
        if not waiting or isinstance(waiting[-1], tree.Tag):
            self.complain(tag.place, f":{tag.name} takes {known.takes.value}")
            return True
        argument = waiting.pop()
        value = self._value(argument, known.takes)
        if value is None:
            self.complain(argument.place, f":{tag.name} takes {known.takes.value}")
            return True
        return value

    def _place(self, given: Sequence[tree.Argument], place: Place) -> None:
        takes = self.word.takes
        optional = self.word.optional
        missing = len(takes) - len(given)
        if missing > 0 and missing <= abs(optional):
            takes = takes[missing:] if optional > 0 else takes[: len(given)]
        elif missing:
            wanted = ", ".join(one.value for one in takes) or "no argument"
            where = given[len(takes)].place if missing < 0 else place
            self.complain(where, f"{self.name} takes {wanted}")
            return
        values: list[Value] = []
        for argument, kind in zip(given, takes, strict=True):
            value = self._value(argument, kind)
            if value is None:
                self.complain(argument.place, f"{self.name} takes {kind.value} here")
                return
            values.append(value)
        self.found.positional = tuple(values)

    def _value(self, argument: tree.Argument, kind: Takes) -> Value | None:
        if isinstance(argument, tree.Number):
            return argument.value if kind is Takes.NUMBER else None
        if isinstance(argument, tree.String):
            if kind is Takes.NUMBER:
                return None
            text = self._text(argument)
            return (text,) if kind is Takes.STRINGS else text
        if isinstance(argument, tree.Strings) and kind is Takes.STRINGS:
            return tuple(self._text(one) for one in argument.items)
        return None

    def _text(self, string: tree.String) -> Text:
        try:
            return text_of(string.text, string.place, self.extensions)
        except Invalid as error:
            self.complain(string.place, error.text)
            return Text((), string.place)

    def _comparison(self, place: Place) -> None:
        """Comparator and relation become plain words; they must be constant."""
        tags = self.found.tags
        comparator = tags.get("comparator")
        if isinstance(comparator, Text):
            name = comparator.constant or ""
            if name not in COMPARATORS:
                self.complain(comparator.place, f"The comparator {name[:40]!r} is not offered")
            elif name not in ALWAYS and f"comparator-{name}" not in self.extensions:
                self.complain(comparator.place, f'{name} needs require "comparator-{name}"')
            tags["comparator"] = name
        match = tags.get("match")
        for kind in ("count", "value"):
            relation = tags.get(kind)
            if match == kind and isinstance(relation, Text):
                word = (relation.constant or "").lower()
                if word not in RELATIONS:
                    self.complain(
                        relation.place, f"{word[:20]!r} is none of gt, ge, lt, le, eq, ne"
                    )
                tags[kind] = word
        if tags.get("comparator") == "i;ascii-numeric" and match in ("contains", "matches"):
            self.complain(place, f"i;ascii-numeric cannot be used with :{match}")

    def _position(self, place: Place) -> None:
        """Tags that need another one, or a sensible number."""
        tags = self.found.tags
        alone = "index" in (self.word.tags or {}) and "index" not in tags
        if "last" in tags and alone:
            self.complain(place, ":last needs :index")
        index = tags.get("index")
        if isinstance(index, int) and index < 1:
            self.complain(place, ":index counts from 1")
        if self.name == "size" and "bound" not in tags:
            self.complain(place, "size takes :over or :under")


def arguments_of(
    name: str,
    arguments: Sequence[tree.Argument],
    place: Place,
    word: Word,
    extensions: Collection[str],
    complain: Complaint,
) -> Arguments:
    """Sorts and converts; tells `complain` what does not fit."""
    return _Sorting(name, word, extensions, complain).sort(arguments, place)
