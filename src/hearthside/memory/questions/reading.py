"""Reads a question: finds its times, conditions and names, and takes the first reading that accounts for every word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from hearthside.memory.questions import english, english_forms
from hearthside.memory.questions.amounts import Amount, find_amounts
from hearthside.memory.questions.asked import Asked
from hearthside.memory.questions.implied import with_implied
from hearthside.memory.questions.names import LISTED, Key, Name, Names, activity_words
from hearthside.memory.questions.question import Question
from hearthside.memory.questions.rules import question_of
from hearthside.memory.questions.signs import Signs, english_words, signs_of
from hearthside.memory.questions.times import When, find_times, find_weekdays, with_morning
from hearthside.memory.questions.tokens import Token, folded, opened, softened, tokens_of
from hearthside.memory.questions.topics import topic_of

LONGEST_QUESTION = 400
_READINGS = 24
_LAST_OF = re.compile(r"\blast night(?=s? (?:of|with|under|below|when|that|where|on which|i|shorter|longer)\b)")
_TIME_OF = re.compile(r"\btime (?:of|in) the (?:morning|evening)\b|\btime at night\b")
"""The last night of some sort, which need not be the last night."""
_BEHIND = frozenset("to play played playing plays by of hear heard on in from for the".split())
"""A name that is also a plain word counts only behind one of these."""
_NONE = frozenset("nothing none nobody no never not anything something".split())
"""Words that are names of songs, too, and are never meant so: "I listened to nothing"."""
_HEARD = re.compile(r"\b(?:listen(?:ed|ing)? to|play(?:ed|ing)?|plays of|hear|heard|by|of)\s+(?=\S)")
_REWRITES = tuple((re.compile(pattern), plainer) for pattern, plainer in english_forms.REWRITES)
_AFTER_TIMES = tuple((re.compile(pattern), plainer) for pattern, plainer in english_forms.AFTER_TIMES)


def read(text: str, names: Names, now_ms: int, offset_min: int) -> Question | None:
    """What a question in words asks for; None where it cannot be read whole, so that nothing else is answered.

    Args:
        names: those that occur in this life (`names_of`).
        now_ms, offset_min: the present and the person's UTC offset, for "last week" and the like.
    """
    if len(text) > LONGEST_QUESTION:
        return None
    plain = opened(re.sub(r"[?!\s]+$", "", folded(" ".join(text.split()))), english.CONTRACTIONS)
    for pattern, plainer in _REWRITES:
        plain = pattern.sub(plainer, plain)
    plain, kept = _names_with_figures(plain, names)
    days, on, rest = find_weekdays(_TIME_OF.sub("time", _LAST_OF.sub("latest night", plain)))
    times, rest = find_times(rest, now_ms, offset_min)
    for pattern, plainer in _AFTER_TIMES:
        rest = pattern.sub(plainer, rest)
    amounts, rest = find_amounts(rest)
    tokens = _put_back(tokens_of(rest), kept)
    activities = activity_words(names)
    soft = softened(tokens, english_words().single)
    tries = [tokens] if [one.word for one in soft] == [one.word for one in tokens] else [tokens, soft]
    for signs in (signs for words in tries for signs in _readings(words, names, activities)):
        if not _is_asking(signs, plain, text.rstrip().endswith("?")):
            continue
        signs = with_implied(signs, plain, any(when.is_day for when in times), bool(times))
        found = _question(signs, times, days, on, amounts, activities)
        if found is not None:
            mended = "".join(f" (“{wrong}” read as “{right}”)" for wrong, right in signs.mended)
            return replace(found, understood=f"{found.understood}{mended}")
    return None


def _question(
    signs: Signs,
    times: Sequence[When],
    days: tuple[int, ...],
    on: str,
    amounts: list[Amount],
    activities: dict[Key, str],
) -> Question | None:
    told = topic_of(signs, {one.unit for one in amounts})
    if told is None:
        return None
    topic, name, left = told
    if topic.name == "workout" and "walk:walk" in signs.signs:
        if name is not None or ("walking",) not in activities:
            return None
        name = Name("activity", activities["walking",], 0, 0)
    if len(signs.numbers) > 1:
        return None
    fitting = [one for one in amounts if one.unit in {"", topic.unit} or (topic.name == "workout" and one.unit == "s")]
    if len(fitting) < len(amounts) or (topic.sort == "clock" and amounts):
        return None
    scaled = [_scaled(one, topic.unit) for one in fitting]
    whens = [with_morning(when) if topic.kind == "sleep" and _is_morning(when) else when for when in times]
    timed = any(when.hours for when in whens)
    if amounts and topic.sort == "count" and topic.name != "workout":
        return None
    if timed and (topic.sort != "count" or topic.kind in {"podcast", "like"}):
        return None
    if any(when.night for when in whens) and topic.kind != "sleep":
        return None
    asked = Asked(topic, left, tuple(whens), days, on, tuple(scaled), name, signs.numbers[0] if signs.numbers else 0)
    found = question_of(asked)
    uses_number = found is not None and found.query.limit == asked.number
    return None if asked.number and not uses_number else found


_TELLING = re.compile(
    r"\s*(?:(?:i|i'm|i’m|i've|we|we're|it|it's|that|that's|this|our|put|remind)\b|play (?!counts?\b|totals?\b)"
    r"|my\b.*\b(?:is|was|are|were|am|went|has|had|have|seems?|felt|feels?|got|gets?|did|does|do|can|could|needs?)\b)"
)


_YES_OR_NO = re.compile(r"\s*(?:is|are|was|were|am|do|does|did|have|has|had)\s+(?:i|my|it|this|that)\b")


def _is_asking(signs: Signs, text: str, marked: bool) -> bool:
    """Whether a folded text asks at all, `marked` with a question mark; "I slept yesterday" tells something."""
    if not marked and _TELLING.match(text):
        return any(sign.startswith("ask:") for sign in signs.signs)
    if _YES_OR_NO.match(text):  # "is my sleep normal?"
        return "or:or" in signs.signs or len(signs.times) > 1 or any(sign.startswith("ask:") for sign in signs.signs)
    return bool(signs.signs - {"me:me"})


def _scaled(one: Amount, unit: str) -> Amount:
    """A number without a unit means hours where the figure is a time."""
    if one.unit or unit != "s":
        return one
    return Amount(one.compare, one.value * 3600, "s", f"{one.said} hours")


def _is_morning(when: When) -> bool:
    return when.hours is not None and when.hours == (300, 720)


# -- names -------------------------------------------------------------------------------------------------------------


def _names_with_figures(text: str, names: Names) -> tuple[str, dict[str, tuple[str, ...]]]:
    """Names with digits in them right behind "listened to" and the like are put aside: no year is read there."""
    kept: dict[str, tuple[str, ...]] = {}
    for match in _HEARD.finditer(text):
        tokens = tokens_of(text[match.end() :])
        for one in sorted(names.found_in(tokens), key=lambda name: -name.end):
            words = tuple(token.word for token in tokens[: one.end])
            if one.begin == 0 and any(char.isdigit() for word in words for char in word) and one.sort in _SUNG:
                if len(words) == 1 and match.group().strip() in {"of", "by"}:
                    continue
                mark = f"zqname{chr(97 + len(kept))}"
                kept[mark] = words
                begin, end = match.end() + tokens[0].begin, match.end() + tokens[one.end - 1].end
                return f"{text[:begin]}{mark}{text[end:]}", kept
    return text, kept


_SUNG = frozenset({"artist", "album", "track"})


def _put_back(tokens: list[Token], kept: dict[str, tuple[str, ...]]) -> list[Token]:
    found = []
    for token in tokens:
        words = kept.get(token.word, (token.word,))
        found += [Token(word, token.begin, token.end) for word in words]
    return found


def _readings(tokens: list[Token], names: Names, activities: dict[Key, str]) -> Iterator[Signs]:
    """The question with different words of it taken for names: foreign words first, the longest first."""
    known = names.found_in(tokens)
    words = english_words()
    foreign, plain = [], []
    for name in known:
        said = tuple(token.word for token in tokens[name.begin : name.end])
        if all(word in words.single or word.isdigit() for word in said):
            if name.begin and tokens[name.begin - 1].word in _BEHIND and not _NONE & set(said):
                plain.append(name)
        else:
            foreign.append(name)
    # "Software Development" is a name, though each of its words says something, too.
    listed = [name for name in plain if name.sort in LISTED and name.end - name.begin > 1]
    tries: list[tuple[Name, ...]] = [(name,) for name in _by_length([*foreign, *listed])]
    tries += [()] if not foreign else []
    tries += [(name,) for name in _by_length(plain)]
    for chosen in tries[:_READINGS]:
        found = signs_of(tokens, chosen, activities)
        if found is not None:
            yield found


def _by_length(names: list[Name]) -> list[Name]:
    """The longest first; of equally long ones in the order of their sorts."""
    ordered = sorted(names, key=lambda name: name.begin - name.end)
    return [name for _, same in groupby(ordered, key=lambda name: name.begin - name.end) for name in same]
