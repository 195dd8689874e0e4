"""Texts that members read, in every language a program speaks."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, RootModel, StringConstraints

ANY_LANGUAGE = "*"
_LANGUAGE = r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"
MAX_LANGUAGE_CHARS = 35
"""As long as any tag that is in use."""
Language = Annotated[str, StringConstraints(pattern=_LANGUAGE)]
_LanguageOrAny = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$|^\*$")]
_Words = Annotated[str, StringConstraints(min_length=1, max_length=2000)]


def is_language(tag: str) -> bool:
    """Whether this may be the tag of a language (BCP 47)."""
    return len(tag) <= MAX_LANGUAGE_CHARS and re.fullmatch(_LANGUAGE, tag) is not None


def _by_language(value: Any) -> Any:
    return {ANY_LANGUAGE: value} if isinstance(value, str) else value


class Text(RootModel[Annotated[dict[_LanguageOrAny, _Words], BeforeValidator(_by_language)]]):
    """A text by language tag (BCP 47); written as plain text it is the same in all of them."""

    model_config = {"frozen": True}

    def __hash__(self) -> int:
        return hash(tuple(self.root.items()))

    @classmethod
    def everywhere(cls, words: str) -> "Text":
        """The same words in every language."""
        return cls({ANY_LANGUAGE: words})

    def languages(self) -> set[str]:
        """The languages this text is written in; empty when it is the same in all."""
        return set(self.root) - {ANY_LANGUAGE}

    def read(self, language: str) -> str:
        """The words in ``language``, which is one of its program's languages."""
        words = self.root.get(language) or self.root.get(ANY_LANGUAGE)
        return words if words is not None else next(iter(self.root.values()))
