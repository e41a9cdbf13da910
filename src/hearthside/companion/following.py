"""Follow-up questions: "and in July?", "and Anna?", "why?" are completed from the last question of the conversation.

Plain code alone: a fragment takes the place of its counterpart in the question before, a time that of its time, a name
that of its name. That question may have been asked hours ago or before a restart: it is read from the journal, and
what it called "last week" stays the week it meant. A question that stands on its own is never touched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from hearthside.companion.asked import capitals
from hearthside.events import Event, local_datetime
from hearthside.journal import Journal
from hearthside.memory.questions.times import DAYS, MONTHS, When, find_times, find_weekdays
from hearthside.memory.questions.tokens import folded
from hearthside.memory.words import STOP_WORDS, words_of

_LOOKED_AT = 400  # newest answers of all conversations
_MOST_WORDS = 8  # of a fragment, and of a time within a question
_LEAD = re.compile(
    r"^(?:(?:and|but|or|also|then|so|ok(?:ay)?|hm+|now|what about|how about|what of|same for|und|was ist mit)"
    r"\b[\s,]*)+",
    re.IGNORECASE,
)
_PLAIN_LEAD = re.compile(r"\b(?:and|or|also|what about|how about|what of|same for|und|was ist mit)\b", re.IGNORECASE)
_TAIL = re.compile(r"[\s,]*(?:\b(?:then|too|though|instead|as well|please|dann)\b)?[\s?!.]*$", re.IGNORECASE)
_WHOLE = re.compile(
    r"\b(?:did|do|does|was|were|is|are|am|have|has|had|can|could|will|would|should|how|what|when|where|who|whom|whose|"
    r"why|which|tell|show|give|call|i|i'm|it|that|this is|not|you|thanks?|hello|hi)\b",
    re.IGNORECASE,
)
_BASIS = re.compile(
    r"^(?:why(?: is that)?|how come|how so|how do you know(?: that| this)?|says who|really|"
    r"are you sure(?: about that)?|"
    r"why do you (?:say|think|believe) (?:so|that)|what(?:['’]s| is) (?:that|this|it) based on|evidence|proof|sources?|"
    r"(?:please )?(?:show|give) (?:me )?(?:the |your |some )?(?:evidence|proof|sources?|records?)|prove (?:it|that)|"
    r"(?:where|how) (?:did|do) you (?:get|have|compute|find|know) (?:that|this|it)(?: from)?|"
    r"how (?:did|do) you work (?:that|this|it) out|based on what|warum|wieso|woher wei(?:ß|ss)t du das)\W*$",
    re.IGNORECASE,
)
_DEMAND = re.compile(r"\b(?:evidence|proof|sources?|records?|how do you know|woher wei(?:ß|ss)t du)\b", re.IGNORECASE)
_REASON = re.compile(r"^why\W*$", re.IGNORECASE)
_ASKED_HOW = re.compile(
    r"^(?:when|where|how(?: long| often)?|(?:at |on )?(?:what|which) (?:time|day|date))\s+"
    r"(?=(?:did|does|do|is|was|were|has|have|had)\b)",
    re.IGNORECASE,
)
_FILLING = re.compile(r"@\d+|\b(?:night|typical|the|in|on|for|during|at|of|over|all)\b|\W")
_BESIDE = re.compile(
    r"^(?:the )?(?:(?P<unit>day|night|week|weekend|month|year) (?P<side>before|after)(?: that)?|"
    r"(?P<side2>previous|following|next) (?P<unit2>day|night|week|weekend|month|year))$"
)
_BARE = re.compile(rf"^(?:(?:{'|'.join(MONTHS)})?\s*(?:19|20)\d\d|{'|'.join(MONTHS)}|{'|'.join(DAYS)})$")
_PLACED = re.compile(r"^(?:in|on|during|since|from|the (?:day|night|week|weekend|month|year|previous|following)) \S")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_PREPOSITION = re.compile(r"^(?:to|with|from|by|about|at|in|of|on)\s+", re.IGNORECASE)
_ABOUT = re.compile(r"(?:about|at|in|on)\s", re.IGNORECASE)
_OTHER_WAY = {"to": "from", "from": "to"}
_ADDRESSED = re.compile(
    r"\b(?:to|from|with|by|messag(?:e|es|ed|ing)|text(?:s|ed|ing)?|e-?mail(?:s|ed|ing)?|call(?:s|ed|ing)?)\s+$",
    re.IGNORECASE,
)
_MESSAGES = re.compile(
    r"\b(?:messag(?:e|es|ed|ing)|text(?:s|ed|ing)?|e-?mail(?:s|ed|ing)?|call(?:s|ed|ing)?|write|wrote|written|chats?)\b",
    re.IGNORECASE,
)
_PREPOSITIONS = r"(?:to|with|from|by|about|at|in|of|on|for|during)"


@dataclass(frozen=True, slots=True)
class Before:
    """The last question of a conversation that asked for something, and what was answered.

    Attributes:
        asked: the question, completed where it was itself a follow-up.
        at_ms: when it was asked, UTC ms.
        mode, query, text: of its answer; evidence: hex ids.
    """

    asked: str
    at_ms: int
    mode: str
    query: str
    text: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """How a question is understood.

    Attributes:
        kind: equal for questions that ask for the same sort of thing; "" when only a search can answer.
        thing: the words that it is about besides its time, lower case, perhaps without their endings.
    """

    kind: str
    thing: tuple[str, ...] = ()


def before(journal: Journal, conversation: str) -> Before | None:
    """The last question of a conversation, small talk aside, however long ago; None in a new one."""
    for item in journal.read(kinds=["answer"], newest_first=True, limit=_LOOKED_AT):
        answer = item.record
        if not isinstance(answer, Event) or answer.payload.get("conversation_id") != conversation:
            continue
        asked = _question(journal, str(answer.payload.get("question", "")))
        if asked is not None and answer.payload.get("mode") != "conversation":
            p = answer.payload
            return Before(
                str(p.get("asked") or asked.text), asked.start_ms, str(p["mode"]), str(p.get("query") or ""),
                answer.text, tuple(str(one) for one in p.get("evidence") or ()),
            )  # fmt: skip
    return None


def _question(journal: Journal, identity: str) -> Event | None:
    try:
        raw = bytes.fromhex(identity)
    except ValueError:
        return None
    stored = journal.get([raw]).get(raw)
    return stored.record if stored is not None and isinstance(stored.record, Event) else None


def wants_basis(text: str) -> bool:
    """Whether a text asks what the last answer rests on."""
    return _BASIS.match(" ".join(text.split())) is not None


def wonders(text: str) -> bool:
    """Whether a text asks why of whatever was said last ("really?"), with no word of evidence or records."""
    return wants_basis(text) and _DEMAND.search(text) is None


def in_small_talk(journal: Journal, conversation: str) -> bool:
    """Whether the newest answer of a conversation is small talk, which rests on no record."""
    for item in journal.read(kinds=["answer"], newest_first=True, limit=_LOOKED_AT):
        answer = item.record
        if isinstance(answer, Event) and answer.payload.get("conversation_id") == conversation:
            return answer.payload.get("mode") == "conversation"
    return False


def may_follow(text: str) -> bool:
    """Whether a text could be a fragment at all: short, and no question or sentence of its own."""
    return fragment_of(text) is not None or wants_basis(text)


@dataclass(frozen=True, slots=True)
class Fragment:
    """What a follow-up adds to the question before.

    Attributes:
        led: whether a word such as "and" leads it in; asks: whether a question mark ends it.
    """

    said: str
    led: bool
    asks: bool


def fragment_of(text: str) -> Fragment | None:
    """What a text adds as a follow-up; None for one that stands on its own.

    “Ok”, “so”, “but”, “now” and “then” begin small talk as often: they lead a follow-up in only where it asks.
    """
    plain = " ".join(text.split())
    lead = _LEAD.match(plain)
    rest = _TAIL.sub("", plain[lead.end() :] if lead else plain)
    if not rest or len(rest.split()) > _MOST_WORDS or _WHOLE.search(rest):
        return None
    asks = plain.endswith("?")
    if lead and not asks and not _PLAIN_LEAD.search(lead[0]):
        return None
    return Fragment(rest, lead is not None, asks)


@dataclass(frozen=True, slots=True)
class Following:
    """What completes a follow-up.

    Attributes:
        last: the question before.
        reading: how a question is understood.
        names: of people known from this life.
        now_ms, offset_min: the present and the person's UTC offset.
    """

    last: Before
    reading: Callable[[str], Reading]
    names: Sequence[str]
    now_ms: int
    offset_min: int

    def completed(self, text: str) -> str | None:
        """The whole question that a follow-up stands for; None when it stands on its own or nothing fits."""
        if _REASON.match(text.strip()) and self.last.mode == "quoted" and _ASKED_HOW.match(self.last.asked):
            return _ASKED_HOW.sub("Why ", self.last.asked)
        fragment = fragment_of(text)
        if fragment is None or wants_basis(text):
            return None
        alone = self.reading(text if text.rstrip().endswith("?") else f"{text}?").kind != ""
        if alone and not fragment.led:
            return None
        wanted = self.reading(self.last.asked)
        first = ""
        for candidate in self._candidates(fragment, wanted):
            if self.reading(candidate).kind == wanted.kind:
                return candidate
            first = first or candidate
        if first and fragment.led and self.reading(first).kind:
            return first
        return f"{fragment.said}?" if fragment.led and self.reading(f"{fragment.said}?").kind else None

    def _candidates(self, fragment: Fragment, wanted: Reading) -> Iterator[str]:
        asked = self.last.asked.strip()
        time = self._as_time(fragment.said, asked)
        if time is not None:
            if time and (fragment.led or fragment.asks or _PLACED.match(fragment.said.casefold())):
                yield time
            return
        if self._is_of_messages(asked) and not self._may_write(fragment.said, asked):
            return
        # A bare word is a search, unless it asks for somebody known, or for another thing of what was counted.
        if fragment.led or (fragment.asks and (wanted.kind or self._is_person(fragment.said))):
            yield from self._with_thing(self._dated(asked), fragment.said, wanted)

    @property
    def _known(self) -> frozenset[str]:
        """Parts of known names, lower case; “The potter” does not make a name of “the”."""
        parts = {part.casefold() for name in self.names for part in name.split()}
        return frozenset(parts - STOP_WORDS)

    def _is_person(self, said: str) -> bool:
        known = self._known
        return bool(words_of(said)) and set(words_of(said)) <= known

    def _is_of_messages(self, asked: str) -> bool:
        """Whether a question is about messages to or from somebody."""
        return _MESSAGES.search(asked) is not None and any(self._is_somebody(asked, *s) for s in self._named(asked))

    def _is_somebody(self, asked: str, begin: int, end: int) -> bool:
        """Whether a span of a question stands for a person: a known one, or whoever is written to or heard from."""
        return _ADDRESSED.search(asked[:begin]) is not None or self._is_person(asked[begin:end])

    def _may_write(self, said: str, asked: str) -> bool:
        """Whether what is said now may stand in a question about somebody's messages: known people, or a subject."""
        preposition = _PREPOSITION.match(said)
        if preposition is not None and preposition[0].strip().casefold() not in {"to", "with", "from", "by"}:
            return True
        bare = said[preposition.end() :] if preposition else said
        return self._is_person(re.sub(r"['’]s$", "", bare))

    # -- times -------------------------------------------------------------------------------------------------------

    def _as_time(self, said: str, asked: str) -> str | None:
        """The question before with another time; "" when it has no one place for it, None when no time is said."""
        lowered = said.casefold()
        beside = _BESIDE.match(lowered)
        if beside is not None:
            return self._beside(asked, beside["unit"] or beside["unit2"], beside["side"] or beside["side2"]) or ""
        bare = (f"on {said}", f"on {said}s") if lowered in DAYS else (f"in {said}",)
        for form in bare if _BARE.match(lowered) else (said, f"on {said}"):
            for is_it in (self._is_days, self._is_time):
                if is_it(form, self.now_ms):
                    return self._replaced(asked, form, is_it)
        return None

    def _replaced(self, asked: str, time: str, is_it: Callable[[str, int], bool]) -> str:
        spans = self._spans(asked, is_it)
        if len(spans) > 1:
            return ""
        if not spans and is_it == self._is_days:  # one day cannot be narrowed to days of the week
            times = self._spans(asked, self._is_time)
            when = self._meant(asked[slice(*times[0])], self.last.at_ms) if len(times) == 1 else None
            spans = times if when is not None and when.is_day else []
        if not spans:
            return _ended(asked, time)
        begin, end = spans[0]
        year = _YEAR.search(asked[begin:end])
        if year and not _YEAR.search(time) and any(month[:3] in time.casefold() for month in MONTHS):
            time = f"{time} {year[0]}"
        return f"{asked[:begin]}{time}{asked[end:]}"

    def _beside(self, asked: str, unit: str, side: str) -> str:
        """The question before about the week before, the year after and so on."""
        spans = self._spans(asked, self._is_time)
        when = self._meant(asked[spans[0][0] : spans[0][1]], self.last.at_ms) if len(spans) == 1 else None
        if when is None or when.first is None or when.last is None or when.hours is not None:
            return ""
        step = -1 if side in {"before", "previous"} else 1
        moved = _next_to(date.fromisoformat(when.first), date.fromisoformat(when.last), unit, step)
        begin, end = spans[0]
        return f"{asked[:begin]}{_in_words(*moved, self._today, night=when.night or unit == 'night')}{asked[end:]}"

    def _dated(self, asked: str) -> str:
        """The question before with its time as it was meant when it was asked."""
        spans = self._spans(asked, self._is_time)
        if len(spans) != 1:
            return asked
        begin, end = spans[0]
        then, now = (self._meant(asked[begin:end], at) for at in (self.last.at_ms, self.now_ms))
        if then is None or now is None or (then.first, then.last) == (now.first, now.last):
            return asked
        if then.first is None or then.last is None or then.hours is not None:
            return asked
        return f"{asked[:begin]}{_in_words(then.first, then.last, self._today, night=then.night)}{asked[end:]}"

    @property
    def _today(self) -> date:
        return local_datetime(self.now_ms, self.offset_min).date()

    def _meant(self, text: str, at_ms: int) -> When | None:
        times, _ = find_times(folded(text), at_ms, self.offset_min)
        return times[0] if len(times) == 1 else None

    def _is_time(self, text: str, at_ms: int) -> bool:
        times, rest = find_times(folded(text), at_ms, self.offset_min)
        return len(times) == 1 and not _FILLING.sub("", rest)

    def _is_days(self, text: str, at_ms: int) -> bool:
        days, _, rest = find_weekdays(folded(text))
        return bool(days) and not _FILLING.sub("", rest)

    def _spans(self, text: str, is_it: Callable[[str, int], bool]) -> list[tuple[int, int]]:
        """Where times stand in a question: spans of whole words, the longest of those that overlap."""
        words = [(m.start(), m.start() + len(m.group().rstrip("?!.,"))) for m in re.finditer(r"\S+", text)]
        found: list[tuple[int, int]] = []
        i = 0
        while i < len(words):
            ends = (j for j in range(min(len(words), i + _MOST_WORDS), i, -1) if not _is_filling(text, words[j - 1]))
            end = next((j for j in ends if is_it(text[words[i][0] : words[j - 1][1]], self.last.at_ms)), None)
            if end is None:
                i += 1
                continue
            found.append((words[i][0], words[end - 1][1]))
            i = end
        return found

    # -- names and things --------------------------------------------------------------------------------------------

    def _with_thing(self, asked: str, said: str, wanted: Reading) -> Iterator[str]:
        """The question before about somebody or something else."""
        preposition = _PREPOSITION.match(said)
        bare = said[preposition.end() :] if preposition else said
        bare = re.sub(r"['’]s$", "", bare)
        if preposition is not None:
            same = re.search(rf"\b{preposition[0].strip()}\s+(.+?)(?=\s+{_PREPOSITIONS}\b|[?!.]*$)", asked, re.I)
            if same is not None and not self._is_time(same[0], self.last.at_ms):
                times = (begin for begin, _ in self._spans(asked, self._is_time) if same.start(1) < begin < same.end(1))
                end = len(asked[: min(times, default=same.end(1))].rstrip())
                yield f"{asked[: same.start(1)]}{bare}{asked[end:]}"
        other_way = _OTHER_WAY.get(preposition[0].strip().casefold()) if preposition else None
        if other_way and any(re.search(rf"\b{other_way}\s+$", asked[:begin], re.I) for begin, _ in self._named(asked)):
            return  # what came from somebody is not what went to somebody
        beside = preposition is not None and _ABOUT.match(said) is not None  # "about Oslo" is nobody else
        for begin, end in (*self._people(asked, bare), *_thing_in(asked, wanted.thing)):
            if beside and self._is_somebody(asked, begin, end):
                continue
            yield f"{asked[:begin]}{bare}{asked[end:]}"
        if preposition is not None:
            spans = self._spans(asked, self._is_time)
            at = spans[-1][0] if spans else len(asked.rstrip("?!. "))
            yield " ".join(f"{asked[:at].rstrip()} {said} {asked[at:]}".split()).replace(" ?", "?")

    def _people(self, asked: str, said: str) -> list[tuple[int, int]]:
        """Where the question before names somebody, when somebody is named now."""
        if not (self._known.intersection(words_of(said)) or capitals(said, first=True)):
            return []
        return self._named(asked)[:1]

    def _named(self, asked: str) -> list[tuple[int, int]]:
        """Where a question names somebody, known or written as a name."""
        known = self._known
        people = known | capitals(asked)
        found = []
        for match in re.finditer(r"[^\W\d_]+(?:\s+[A-Z][^\W\d_]+)*", asked):
            words = match.group().split()
            first = next((i for i, word in enumerate(words) if word.casefold() in people and word[0].isupper()), None)
            if first is None:
                first = next((i for i, word in enumerate(words) if word.casefold() in known), None)
            if first is not None:
                begin = match.start() + len(" ".join(words[:first])) + (1 if first else 0)
                end = match.end() if first == 0 or words[first][0].isupper() else begin + len(words[first])
                found.append((begin, end))
        return [span for span in found if not self._is_time(asked[span[0] : span[1]], self.last.at_ms)]


def _is_filling(text: str, span: tuple[int, int]) -> bool:
    return re.fullmatch(r"(?:the|and|or|a|" + _PREPOSITIONS[3:], text[slice(*span)], re.IGNORECASE) is not None


def _thing_in(asked: str, thing: Sequence[str]) -> list[tuple[int, int]]:
    """The span of a question from the first to the last of the words that it is about."""
    places = [
        match.span()
        for match in re.finditer(r"[^\W_]+", asked)
        if any(match[0].casefold().startswith(w) for w in thing)
    ]
    if not places or len(places) > len(thing) + 1:
        return []
    return [(places[0][0], places[-1][1])]


def _ended(asked: str, time: str) -> str:
    end = len(asked.rstrip("?!. "))
    return f"{asked[:end]} {time}{asked[end:].strip() or '?'}"


def _next_to(first: date, last: date, unit: str, step: int) -> tuple[date, date]:
    """The day, or the whole calendar week, weekend, month or year, next before (step -1) or after (1) some days.

    Any seven days count as a week: the week before “the last 7 days” is the seven before those.
    """
    edge = first if step < 0 else last
    monday = edge - timedelta(days=edge.weekday())
    match unit:
        case "year":
            return date(edge.year + step, 1, 1), date(edge.year + step, 12, 31)
        case "month":
            begin = _months_on(edge.replace(day=1), step)
            return begin, _months_on(begin, 1) - timedelta(days=1)
        case "week":
            begin = (first if last - first == timedelta(days=6) else monday) + timedelta(days=7 * step)
            return begin, begin + timedelta(days=6)
        case "weekend":
            saturday = monday + timedelta(days=5)
            begin = saturday if step > 0 and saturday > edge else saturday + timedelta(days=7 * step)
            return begin, begin + timedelta(days=1)
        case _:
            return edge + timedelta(days=step), edge + timedelta(days=step)


def _months_on(day: date, months: int) -> date:
    number = day.year * 12 + day.month - 1 + months
    for last in (day.day, 30, 29, 28):
        try:
            return date(number // 12, number % 12 + 1, min(day.day, last))
        except ValueError:
            continue
    return day


def _in_words(first: str | date, last: str | date, today: date, night: bool = False) -> str:
    """Days as a question says them: "in 2021", "in March 2022", "2 weeks ago", "on 2022-03-04"."""
    begin, end = (one if isinstance(one, date) else date.fromisoformat(one) for one in (first, last))
    following = end + timedelta(days=1)
    if begin == end:
        return f"in the night to {begin}" if night else f"on {begin}"
    if (begin.day, begin.month, following) == (1, 1, date(begin.year + 1, 1, 1)):
        return f"in {begin.year}"
    if begin.day == 1 and following == _months_on(begin, 1):
        return f"in {MONTHS[begin.month - 1].capitalize()} {begin.year}"
    weeks, days = divmod((today - timedelta(days=today.weekday()) - begin).days, 7)
    if not days and weeks > 0 and end == begin + timedelta(days=6):
        return "last week" if weeks == 1 else f"{weeks} weeks ago"
    return f"from {begin} to {end}"
