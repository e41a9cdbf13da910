"""How people write: the person's own habits, and each contact's, laid over plain templates."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from hearthside.sample_life.grammar import capital, tables

_BREAK = " / "  # a sentence break in a template


@dataclass(frozen=True, slots=True)
class OwnVoice:
    """The person's writing habits, the same all month.

    Attributes:
        separator: what stands between two sentences.
        openers, closers, emoji: pet words and signs.
        finals: what a message may end with, one drawn per message.
        quirks: (word, own spelling), applied everywhere.
        apostrophes: whether don't keeps its apostrophe.
        laugh, very, filler: own words for laughing, "very", and a filler.
    """

    separator: str
    openers: tuple[str, ...]
    closers: tuple[str, ...]
    emoji: tuple[str, ...]
    finals: tuple[str, ...]
    quirks: tuple[tuple[str, str], ...]
    apostrophes: bool
    laugh: str
    very: tuple[str, ...]
    filler: str

    def write(self, plain: str, rng: random.Random, *, low: bool, first: bool) -> str:
        """The plain text as this person would type it; a low mood drops the ornaments and keeps the spelling.

        `first` is the person's first message of an exchange, where an opener belongs.
        """
        text = self.spell(plain)
        if not low and rng.random() < 0.1 and ", " in text:
            text = text.replace(", ", f", {self.filler}", 1)
        text = text.replace(_BREAK, "\n" if rng.random() < 0.35 else self.separator)
        if not low and rng.random() < (0.34 if first else 0.05):
            text = rng.choice(self.openers) + text
        if low:
            return text
        if rng.random() < (0.5 if len(text) < 50 else 0.26):
            text += ("" if text[-1] in "?!" else ",") + " " + rng.choice(self.closers)
        text += "" if text[-1] in "?!" else rng.choice(self.finals)
        return text + (" " + rng.choice(self.emoji) if rng.random() < 0.2 else "")

    def spell(self, plain: str) -> str:
        """Lower case, with the person's own spellings."""
        text = plain.lower()
        for word, own in self.quirks:
            text = re.sub(rf"\b{re.escape(word)}\b", own, text)
        return text if self.apostrophes else text.replace("'", "")


@dataclass(frozen=True, slots=True)
class ContactVoice:
    """A contact's writing habits: capitals and full stops, with a sign of their own."""

    separator: str
    final: str
    closer: str
    emoji: tuple[str, ...]

    def write(self, plain: str, rng: random.Random) -> str:
        """The plain text as this contact would type it."""
        text = capital(plain).replace(_BREAK, self.separator)
        text = re.sub(r"([.?!] )([a-z])", lambda found: found[1] + found[2].upper(), text)
        if text[-1] not in ".?!":
            text += self.final
        if rng.random() < 0.15:
            text += ("" if text[-1] in ".?!" else ".") + self.closer
        return text + (" " + rng.choice(self.emoji) if rng.random() < 0.18 else "")


def draw_own_voice(rng: random.Random) -> OwnVoice:
    """Habits for the person, drawn from the bank."""
    bank = tables("styles")["own"]
    quirks: dict[str, str] = {}
    for word, own in rng.sample(bank["quirks"], len(bank["quirks"])):
        if len(quirks) < 11:
            quirks.setdefault(word, own)
    return OwnVoice(
        separator=rng.choice(bank["separators"]),
        openers=tuple(rng.sample(bank["openers"], 4)),
        closers=tuple(rng.sample(bank["closers"], 4)),
        emoji=tuple(rng.sample(bank["emoji"], 3)),
        finals=("", "", rng.choice(bank["finals"])),
        quirks=tuple(sorted(quirks.items())),
        apostrophes=rng.random() < 0.3,
        laugh=rng.choice(bank["laughs"]),
        very=tuple(rng.choice(bank["very"])),
        filler=rng.choice(bank["fillers"]),
    )


def draw_contact_voice(rng: random.Random) -> ContactVoice:
    """Habits for a contact, drawn from a bank that shares nothing with the person's."""
    bank = tables("styles")["contact"]
    return ContactVoice(
        separator=rng.choice(bank["separators"]),
        final=rng.choice(bank["finals"]),
        closer=rng.choice(bank["closers"]),
        emoji=tuple(rng.sample(bank["emoji"], 2)),
    )
