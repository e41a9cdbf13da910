"""Names that occur in a life, such as artists and kinds of computer use, and where a question says one of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hearthside.memory.questions.tokens import Token, folded, tokens_of

SORTS = {
    "artist": ("listen", "artist"), "album": ("listen", "album"), "track": ("listen", "track"),
    "show": ("podcast", "show"), "episode": ("podcast", "episode"), "activity": ("workout", "activity"),
}  # fmt: skip
"""Sorts of names: the kind and part they are in, the likeliest meaning of a name first."""

LISTED = {"item": "app_time_day", "language": "coding_time_day"}
"""Names on the lists of days, and the kind of day."""

_LONGEST = 12
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Name:
    """A name that a question says.

    Attributes:
        sort: see `SORTS` and `LISTED`.
        spelt: as the data spell it most often.
        begin, end: which tokens it is.
        said: what the person calls it, where that is another word.
    """

    sort: str
    spelt: str
    begin: int
    end: int
    said: str = ""


@dataclass(slots=True)
class Names:
    """The names in a life.

    Attributes:
        known: sort to folded words to the spelling.
    """

    known: dict[str, dict[Key, str]] = field(default_factory=dict)

    def add(self, sort: str, counts: Mapping[str, int]) -> None:
        """Names of a sort with how often each occurs: of two that differ in case or accents alone the commoner.

        Of two that are as common it is the later one in the alphabet, whichever came first.
        """
        mine = self.known.setdefault(sort, {})
        for name, _ in sorted(counts.items(), key=lambda pair: (pair[1], pair[0])):
            key = key_of(name)
            if key:
                mine[key] = name

    def found_in(self, tokens: Sequence[Token]) -> list[Name]:
        """All names that stand in a question, of one sort and beginning only the longest."""
        words = [token.word for token in tokens]
        return [name for i in range(len(words)) for sort in self.known for name in self._at(sort, words, i)]

    def _at(self, sort: str, words: list[str], begin: int) -> Iterator[Name]:
        known = self.known[sort]
        for end in range(min(len(words), begin + _LONGEST), begin, -1):
            spelt = known.get(tuple(words[begin:end]))
            if spelt is not None:
                yield Name(sort, spelt, begin, end)
                return


def key_of(name: str) -> Key:
    """The folded words of a name."""
    return tuple(token.word for token in tokens_of(folded(name)))


# -- how activities are spoken of --------------------------------------------------------------------------------------

_FORMS = {
    "running": "run runs ran running jog jogs jogged jogging", "biking": "bike bikes biked biking cycle cycled cycling",
    "cycling": "bike bikes biked biking cycle cycled cycling", "swimming": "swim swims swam swum swimming",
    "rowing": "row rowed rowing", "dancing": "dance danced dancing", "climbing": "climb climbed climbing",
    "hiking": "hike hikes hiked hiking", "skiing": "ski skied skiing", "walking": "walk walks walked walking",
    "yoga": "yoga", "elliptical": "elliptical",
    "strength training": "strength training|strength|lift weights|lifted weights",
}  # fmt: skip


_CALLED = {"cycl": "cycling", "jog": "jogging"}


def called(word: str) -> str:
    """What the person calls an activity that the data call by another word, or ""."""
    return next((name for stem, name in _CALLED.items() if word.startswith(stem)), "")


def activity_words(names: Names) -> dict[Key, str]:
    """How activities in a life are spoken of: folded words to the spelling in the data."""
    found: dict[Key, str] = {}
    for key, spelt in sorted(names.known.get("activity", {}).items()):
        forms = _FORMS.get(" ".join(key), "")
        split: Iterable[str] = forms.split("|") if "|" in forms else forms.split()
        for form in (*split, " ".join(key)):
            found[key_of(form)] = spelt
        if len(key) == 1 and key[0].endswith("ing") and not forms:
            stem = re.sub(r"(.)\1$", r"\1", key[0][:-3])
            found |= {(form,): spelt for form in (stem, stem + "e", stem + "ed", stem + "s")}
    return found
