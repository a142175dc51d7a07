"""Settings of the index by which mail is searched."""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model.setting import STRICT, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSettings:
    """`[search]`: the full-text index. Without it searches find the same, and take longer."""

    __pydantic_config__ = STRICT

    index: bool = setting(True, "keep an index, in a process beside the server")
    documents: bool = setting(True, "read PDF and office documents that are attached, too")
    niceness: int = setting(19, "how far the indexing process steps back for others, 0 to 19")
    review: int = setting(3600, "how often it is rid of mail that was removed", "seconds")
