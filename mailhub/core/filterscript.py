"""An account's filters written as a Sieve script: to be read, and to start a script from.

Filters all run, and of each action the first that sets it wins; a script says the same with flags
of its own. What Sieve has no word for stands there as a comment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mailhub.model.filter import Actions, Conditions, Filter

_FIELDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("sender", ("from", "sender")),
    ("recipient", ("to", "cc", "delivered-to")),
    ("subject", ("subject",)),
    ("list_id", ("list-id",)),
)
_ATTACHED = '["application", "audio", "image", "video", "message"]'
_FLAGS = (("seen", "\\Seen"), ("flag", "\\Flagged"))


class _Writing:
    """A script that is being written. `mailboxes`: paths by number."""

    def __init__(self, mailboxes: Mapping[int, str]) -> None:
        self._mailboxes = mailboxes
        self.needs: set[str] = set()
        self.lines: list[str] = []
        self._dollar = False

    def filter(self, one: Filter, *, several: bool) -> None:
        """One filter. `several`: among others, which may have set an action before it."""
        title = " ".join((one.name or one.id).split())
        self.lines.append(f"# {title}{' (disabled)' if one.disabled else ''}")
        start = len(self.lines)
        tests = list(self._tests(one.conditions))
        actions = list(self._actions(one.actions, several=several)) or ["# does nothing"]
        if tests:
            asked = tests[0] if len(tests) == 1 else f"allof ({', '.join(tests)})"
            self.lines += [f"if {asked} {{", *(f"    {line}" for line in actions), "}"]
        else:
            self.lines += actions
        if one.disabled:
            self.lines[start:] = [f"# {line}" for line in self.lines[start:]]
        self.lines.append("")

    def _quoted(self, text: str) -> str:
        """A string constant. What looks like a variable in it is cut by one that is a `$`."""
        plain = text.replace("\\", "\\\\").replace('"', '\\"').replace("\0", "")
        if "${" in plain:
            self.needs.add("variables")
            self._dollar = True
            plain = plain.replace("${", "${dollar}{")
        return f'"{plain}"'

    def _tests(self, wanted: Conditions) -> Iterable[str]:
        for name, fields in _FIELDS:
            text = getattr(wanted, name)
            if text:
                yield f"header :contains {_list(fields)} {self._quoted(text)}"
        if wanted.text:
            self.needs.add("body")
            yield f"body :text :contains {self._quoted(wanted.text)}"
        if wanted.attachments is not None:
            self.needs.add("body")
            test = f'body :content {_ATTACHED} :contains ""'
            yield test if wanted.attachments else f"not {test}"
        if wanted.size > 0:
            yield f"size :over {wanted.size}"
        elif wanted.size < 0:
            yield f"size :under {-wanted.size}"

    def _actions(self, wanted: Actions, *, several: bool) -> Iterable[str]:
        for name, flag in _FLAGS:
            value = getattr(wanted, name)
            if value is not None:
                self.needs.add("imap4flags")
                change = f"{'addflag' if value else 'removeflag'} {self._quoted(flag)};"
                yield from self._first(name, [change], several=several)
        if wanted.delete is not None:
            yield from self._first("delete", self._set("gone", wanted.delete), several=several)
        if wanted.spam is not None:
            yield from self._first("spam", self._set("junk", wanted.spam), several=several)
        if wanted.mailbox:
            path = self._mailboxes.get(wanted.mailbox, "INBOX")
            self.needs.add("variables")
            chosen = [f'set "place" {self._quoted(path)};']
            yield from self._first("mailbox", chosen, several=several)
        for address in wanted.forwards:
            self.needs.add("copy")
            yield f"redirect :copy {self._quoted(address)};"
        for url in wanted.uploads:
            yield f"# posted to {' '.join(url.split())}: Sieve has no word for it"

    def _set(self, name: str, value: bool) -> list[str]:
        self.needs.add("variables")
        return [f'set "{name}" "{"yes" if value else "no"}";']

    def _first(self, name: str, lines: list[str], *, several: bool) -> Iterable[str]:
        """The lines, unless an earlier filter has set the same action."""
        if not several:
            return lines
        self.needs.add("variables")
        mark = f'set "{name}_set" "yes";'
        return [f'if not string "${{{name}_set}}" "yes" {{ {" ".join(lines)} {mark} }}']

    def end(self) -> None:
        """Where the message goes, by what the filters left behind."""
        chosen = [line for line in self.lines if 'set "' in line]
        branches: list[tuple[str, str]] = []
        if any('set "gone"' in line for line in chosen):
            branches.append(('string "${gone}" "yes"', "discard;"))
        if any('set "junk"' in line for line in chosen):
            self.needs |= {"fileinto", "special-use"}
            junk = 'fileinto :specialuse "\\\\Junk" "Junk";'
            branches.append(('string "${junk}" "yes"', junk))
        if any('set "place"' in line for line in chosen):
            self.needs |= {"fileinto"}
            branches.append(('not string "${place}" ""', 'fileinto "${place}";'))
        word = "if"
        for test, action in branches:
            self.lines.append(f"{word} {test} {{ {action} }}")
            word = "elsif"

    def source(self) -> str:
        """The whole script."""
        required = f"require {_list(sorted(self.needs))};\n\n" if self.needs else ""
        if self._dollar:
            required += 'set "dollar" "$";\n\n'
        return required + "\n".join(self.lines).rstrip() + "\n"


def script_of(filters: Sequence[Filter], mailboxes: Mapping[int, str]) -> str:
    """The filters in their order as one script. `mailboxes`: paths by number."""
    writing = _Writing(mailboxes)
    several = sum(not one.disabled for one in filters) > 1
    for one in filters:
        writing.filter(one, several=several)
    writing.end()
    return writing.source()


def _list(words: Sequence[str]) -> str:
    """A list of constants of our own."""
    shown = [f'"{one}"' for one in words]
    return shown[0] if len(shown) == 1 else f"[{', '.join(shown)}]"
