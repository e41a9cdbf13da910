"""The readings of a question, in order: the first that accounts for every word of it is the one that is answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hearthside.memory.asking.query import Measure, Query
from hearthside.memory.questions.asked import Asked
from hearthside.memory.questions.question import Question, Take
from hearthside.memory.questions.times import When


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ASKED = _set(
    "ask:what ask:how_much ask:how_long unit:hours unit:minutes unit:time unit:kg ask:how_many noun:night noun:day"
)
_HOW = _set("ask:how_much ask:how_long ask:how_many ask:how_often")
_WHAT = _set("ask:what ask:who")
_WHEN = _set("ask:when noun:day noun:night")
_TOP = _set("agg:most agg:longest agg:more")
_BOTTOM = _set("agg:least agg:shortest agg:less")
_LATE, _EARLY = _set("agg:latest agg:later"), _set("agg:earliest agg:earlier")
_SPAN = {"ask:weekday": "weekday", "ask:month": "month", "ask:year": "year", "per:weekday": "weekday"}
_MUSICAL = _set("noun:song")
_NAMED_SPANS = {"noun:month": "ask:month", "noun:year": "ask:year"}
_RAN_ON = _set("agg:streak agg:gap neg:neg")
Rule = Callable[[Asked], Question | None]


def question_of(asked: Asked) -> Question | None:
    """The question as the first rule reads it that fits, or None."""
    if (
        len(asked.times) == 1
        and asked.times[0].parts
        and asked.signs & {"agg:more", "agg:less", "agg:later", "agg:earlier"}
    ):
        asked = replace(asked, times=asked.times[0].parts)  # "between 2021 and 2022, which year had more"
    if len(asked.times) > 1:
        rules: tuple[Rule, ...] = (_compared, _changed_between)
    elif asked.topic.sort == "clock":
        rules = (_clock_of_groups, _clock_extreme, _clock_mean, _clock_once)
    elif asked.topic.sort == "count":
        rules = (_run, _changed, _top_group, _ends, _groups_extreme, _count_days, _distinct, _names, _durations, _count)
    else:
        rules = (
            _run, _changed, _item, _count_days, _groups_extreme, _extreme, _last_figure, _ends, _middle, _total,
        )  # fmt: skip
    if asked.signs & _NAMED_SPANS.keys():  # "my best month", or only "that month"
        meant = frozenset(_NAMED_SPANS.get(sign, sign) for sign in asked.signs)
        found = question_of(replace(asked, signs=meant))
        if found is not None or not asked.times:
            return found
        asked = replace(asked, signs=asked.signs - _NAMED_SPANS.keys())
    if "ask:how" in asked.signs:  # "how did I sleep", "how has my weight changed"
        if asked.signs == {"ask:how"} and not (asked.when and asked.when.is_day and asked.topic.sort == "amount"):
            return None
        asked = replace(asked, signs=asked.signs - {"ask:how"})
    return next((found for rule in rules if (found := rule(asked)) is not None), None)


# -- runs of days ------------------------------------------------------------------------------------------------------


def _run(asked: Asked) -> Question | None:
    """The longest streak of days with something, or the longest gap without."""
    may = _set(
        "ask:what ask:how_many ask:how_long ask:how_much noun:day noun:night noun:song unit:time agg:longest agg:most"
        " neg:neg"
    )
    if asked.weekdays or (asked.when and asked.when.hours):
        return None
    if asked.amounts:  # "more than 10,000 steps a day"
        may |= {"per:day"}
    if asked.signs & {"agg:streak", "agg:gap"}:  # "how long did it last"
        asked = replace(asked, signs=asked.signs - {"agg:last"})
    if "agg:gap" in asked.signs:  # "how many days in a row did I stay away from"
        asked = replace(asked, signs=asked.signs - {"agg:streak"})
    without = asked.fits("agg:gap", may=may) or (
        asked.fits("neg:neg", frozenset({"agg:streak", "agg:longest", "agg:most"}), may=may)
    )
    if without and not asked.amounts:
        return asked.question(asked.query(Measure.PAUSE), Take.VALUE, "longest gap without", "days")
    kept_up = asked.topic.name == "steps" and asked.amounts and asked.fits("agg:longest", may=may - {"neg:neg"})
    if kept_up or asked.fits("agg:streak", may=may - {"neg:neg"}):
        return asked.question(asked.query(Measure.STREAK), Take.VALUE, "longest streak of days with", "days")
    return None


# -- two times ---------------------------------------------------------------------------------------------------------


def _compared(asked: Asked) -> Question | None:
    """In which of two times it was more."""
    may = _set("ask:what ask:when or:or agg:mean agg:total per:day noun:night noun:day noun:song unit:time unit:hours"
               " ask:month ask:year")  # fmt: skip
    more, less = (_TOP, _BOTTOM) if asked.topic.sort != "clock" else (_LATE, _EARLY)
    if len(asked.times) != 2 or any(when.parts for when in asked.times):
        return None
    take = Take.MORE if asked.fits(more, may=may) else Take.LESS if asked.fits(less, may=may) else None
    if take is None:
        return None
    mean = asked.topic.mean or asked.is_clock or bool(asked.signs & {"agg:mean", "per:day"})
    measure = Measure.MEAN if mean and asked.topic.sort != "count" else _adding(asked)
    per_day = asked.topic.sort == "count" and mean
    queries = tuple(asked.query(measure, when, per_day=per_day) for when in asked.times)
    said = "average" if mean else "total"
    first = asked.question(queries[0], take, said, sorts="period")
    labels = tuple(when.label for when in asked.times)
    which = ("latest" if asked.is_clock else "most") if take is Take.MORE else "earliest" if asked.is_clock else "least"
    understood = f"which had the {which}: {said} {asked.noun()} {' or '.join(labels)}"
    return replace(first, queries=queries, labels=labels, understood=understood)


_CHANGE = frozenset({"agg:change"})
_CHANGE_OF = {"weight": frozenset({"agg:change", "agg:gain"})}


def _adding(asked: Asked) -> Measure:
    return Measure.COUNT if asked.topic.sort == "count" else Measure.SUM


def _changed(asked: Asked) -> Question | None:
    """How a figure changed from the first to the last day of a time, or between its two ends."""
    may = _set("ask:what ask:how_much ask:how_many unit:kg unit:time unit:hours unit:minutes agg:total or:or")
    if not asked.topic.mean or asked.amounts or not asked.fits(_CHANGE_OF.get(asked.topic.name, _CHANGE), may=may):
        return None
    if asked.when is not None and asked.when.parts:
        return _change(asked, asked.when.parts)
    if asked.topic.name != "weight":
        return None  # one night less another says nothing of a year
    queries = (asked.query(Measure.FIRST), asked.query(Measure.LAST))
    return replace(asked.question(queries[0], Take.CHANGE, "change of"), queries=queries)


def _changed_between(asked: Asked) -> Question | None:
    may = _set("ask:what ask:how_much ask:how_many unit:kg unit:time unit:hours unit:minutes or:or")
    more = "ask:how_much" in asked.signs and asked.fits(_set("agg:more agg:less"), may=may)
    if (
        len(asked.times) != 2
        or not asked.topic.mean
        or not (more or asked.fits(_CHANGE_OF.get(asked.topic.name, _CHANGE), may=may))
    ):
        return None
    return _change(asked, tuple(sorted(asked.times, key=lambda when: when.first or "")))


def _change(asked: Asked, ends: tuple[When, ...]) -> Question:
    first = asked.question(asked.query(Measure.MEAN, ends[0]), Take.CHANGE, "change of")
    queries = tuple(asked.query(Measure.MEAN, when) for when in ends)
    understood = f"change of {asked.noun()} {' to '.join(when.label for when in ends)}"
    return replace(first, queries=queries, labels=tuple(when.label for when in ends), understood=understood)


# -- amounts of days and nights ----------------------------------------------------------------------------------------


def _item(asked: Asked) -> Question | None:
    """What most of the time went to."""
    noun = {"computer": "noun:category", "coding": "noun:language"}.get(asked.topic.name)
    if noun is None or asked.name is not None or asked.signs & {"noun:day", "per:day"}:
        return None
    may = _set("agg:total unit:time unit:hours ask:how_much ask:where") | _WHAT | {noun}
    if asked.fits(_WHAT | {noun, "ask:where"}, "agg:most", may=may) or asked.fits(
        _WHAT | {noun}, "agg:longest", may=may
    ):
        return asked.question(asked.query(Measure.SUM, by="item"), Take.BEST, "most", sorts="category")
    if noun in asked.signs and asked.fits(_WHAT | {noun}, _BOTTOM, may=may):
        return asked.question(asked.query(Measure.SUM, by="item"), Take.LEAST, "least", sorts="category")
    return None


def _count_days(asked: Asked) -> Question | None:
    """On how many days or nights."""
    nightly = asked.topic.kind == "sleep"
    noun = frozenset({"noun:night", "noun:day"}) if nightly else frozenset({"noun:day"})
    may = _set("agg:total ask:what") | (_MUSICAL if asked.topic.name == "music" else frozenset())
    often = (
        bool(asked.amounts)
        and asked.topic.sort == "amount"
        and asked.fits("ask:how_often", may=may | noun | {"per:day"})
    )
    if not often and not asked.fits(frozenset({"ask:how_many", "ask:how_often"}), noun, may=may):
        return None
    if any(one.unit == "times" for one in asked.amounts):
        return None
    return asked.question(asked.query(Measure.DAYS), Take.VALUE, "days with" if not nightly else "nights with",
                          "nights" if nightly else "days")  # fmt: skip


def _groups_extreme(asked: Asked) -> Question | None:
    """Which weekday, month or year had the most or the least."""
    asks = [sign for sign in _SPAN if sign in asked.signs]
    if asks == ["ask:weekday", "per:weekday"]:  # "by weekday: which weekday"
        asks, asked = asks[:1], replace(asked, signs=asked.signs - {"per:weekday"})
    may = _set("ask:what ask:when agg:mean agg:total per:day unit:time unit:hours noun:song noun:night noun:day or:or")
    if len(asks) != 1 or asked.amounts:
        return None
    top, bottom = asked.fits(asks[0], _TOP, may=may), asked.fits(asks[0], _BOTTOM, may=may)
    if not top and not bottom:
        return None
    by = _SPAN[asks[0]]
    mean = asked.topic.mean or by == "weekday" or bool(asked.signs & {"agg:mean", "per:day"})
    if "agg:total" in asked.signs:
        mean = False
    count = asked.topic.sort == "count"
    measure = Measure.COUNT if count else Measure.MEAN if mean else Measure.SUM
    query = asked.query(measure, by=by, per_day=count and mean)
    said = f"{'most' if top else 'least'} {'on average' if mean else 'in total'}"
    return asked.question(query, Take.BEST if top else Take.LEAST, said, sorts=by)


def _extreme(asked: Asked) -> Question | None:
    """The greatest or smallest figure, or its day."""
    asks = _ASKED | _set("ask:when per:day")
    short = asked.topic.name in {"sleep", "inbed", "computer", "coding"}
    top = asked.fits(_TOP if short else _set("agg:most agg:more"), may=asks)
    bottom = asked.fits(_BOTTOM if short else _set("agg:least agg:less"), may=asks)
    if not top and not bottom:
        return None
    if asked.signs & {"agg:more", "agg:less"} or asked.amounts:
        return None
    how = asked.signs & {"ask:how_much", "ask:how_long", "ask:how_many", "per:day"}
    how -= {"per:day"} if "ask:when" in asked.signs else set()  # "most steps in a day, when was that"
    day = bool(asked.signs & _WHEN) and not how
    if "noun:day" in asked.signs and "ask:how_many" in asked.signs:
        return None
    query = asked.query(Measure.MAX if top else Measure.MIN)
    return asked.question(query, Take.DAY if day else Take.VALUE, "most" if top else "least")


def _last_figure(asked: Asked) -> Question | None:
    """The latest or first figure, such as a weight."""
    may = _set("ask:what ask:how_much ask:how_many unit:kg") | (
        _set("ask:when") if "ask:how_much" in asked.signs else frozenset()
    )
    if not asked.topic.mean or asked.topic.kind == "sleep" or asked.amounts:
        return None
    if asked.fits(_set("agg:first agg:earliest"), may=may):
        return asked.question(asked.query(Measure.FIRST), Take.VALUE, "first")
    if asked.fits(_set("agg:last agg:latest"), may=may):
        return asked.question(asked.query(Measure.LAST), Take.VALUE, "last")
    single = asked.when is None or asked.when.is_day
    if single and not asked.weekdays and asked.fits(may=may | _set("ask:how_many unit:kg")):
        return asked.question(asked.query(Measure.LAST), Take.VALUE, "last" if asked.when is None else "")
    return None


def _ends(asked: Asked) -> Question | None:
    """When it was first or last."""
    may = _set("ask:what ask:when noun:night noun:day noun:song noun:session")
    told = asked.signs & {"ask:when", "noun:night", "noun:day"} or asked.topic.sort == "count" or asked.amounts
    if not told:
        return None
    if asked.fits(_set("agg:last agg:latest"), may=may):
        return asked.question(asked.query(Measure.LAST), Take.DAY, "last")
    if asked.fits(_set("agg:first agg:earliest"), may=may):
        return asked.question(asked.query(Measure.FIRST), Take.DAY, "first")
    return None


def _middle(asked: Asked) -> Question | None:
    """The average or median figure of a day."""
    if asked.amounts or asked.signs & {"ask:when"}:
        return None
    may = _ASKED | {"per:day"}
    if asked.fits("agg:mean", may=may) or asked.fits("per:day", _HOW, may=may):
        named = asked.name is not None  # days on which nothing went to it count, too
        query = asked.query(Measure.SUM if named else Measure.MEAN, per_day=named)
        return asked.question(query, Take.VALUE, "average")
    if asked.fits("agg:median", may=may):
        return asked.question(asked.query(Measure.MEDIAN), Take.VALUE, "median")
    return None


def _total(asked: Asked) -> Question | None:
    """The sum; of one day the figure."""
    single = asked.when is not None and asked.when.is_day
    may = _ASKED | {"agg:total"}
    if asked.amounts or asked.signs & {"noun:day"} or ("noun:night" in asked.signs and not single):
        return None
    if asked.topic.mean and asked.topic.kind != "sleep":
        if not single and asked.when is not None and asked.fits(may=may - {"agg:total", "unit:hours", "unit:minutes"}):
            return asked.question(asked.query(Measure.MEAN), Take.VALUE, "average")
        return None
    if asked.topic.kind == "sleep" and not single and not asked.signs & (_HOW | {"agg:total"}):
        return None  # "what was my sleep in 2020" may mean many things
    if not asked.fits(may=may) or (not asked.signs and not single):
        return None
    if asked.topic.name in {"computer", "coding"}:
        lasting = {"unit:hours", "unit:minutes"}
        if "ask:how_many" not in asked.signs:  # "what did I code" asks for something else
            lasting |= {"unit:time", "ask:how_much", "ask:how_long", "agg:total"}
        if not asked.signs & lasting:
            return None
    if (
        asked.topic.kind == "sleep"
        and "ask:how_many" in asked.signs
        and not asked.signs & {"unit:hours", "unit:minutes"}
    ):
        return None
    if asked.topic.name == "steps" and asked.signs & {
        "unit:hours",
        "unit:minutes",
        "unit:time",
        "ask:how_long",
        "unit:kg",
    }:
        return None
    return asked.question(asked.query(Measure.SUM), Take.VALUE, "total")


# -- times of the day --------------------------------------------------------------------------------------------------

_CLOCK = _set("ask:clock ask:what ask:when noun:night unit:time agg:total")


def _clock_of_groups(asked: Asked) -> Question | None:
    asks = [sign for sign in _SPAN if sign in asked.signs]
    may = _set("ask:what ask:when agg:mean")
    if len(asks) != 1 or asked.amounts:
        return None
    late, early = asked.fits(asks[0], _LATE, may=may), asked.fits(asks[0], _EARLY, may=may)
    if not late and not early:
        return None
    by = _SPAN[asks[0]]
    said = f"{'latest' if late else 'earliest'} on average"
    return asked.question(asked.query(Measure.MEAN, by=by), Take.BEST if late else Take.LEAST, said, sorts=by)


def _clock_extreme(asked: Asked) -> Question | None:
    late, early = (asked.fits(signs, may=_CLOCK | {"noun:day"}) for signs in (_set("agg:latest"), _set("agg:earliest")))
    if asked.amounts or not (late or early):
        return None
    day = "ask:clock" not in asked.signs and bool(asked.signs & {"ask:when", "noun:day", "noun:night"})
    query = asked.query(Measure.MAX if late else Measure.MIN)
    return asked.question(query, Take.DAY if day else Take.VALUE, "latest" if late else "earliest")


def _clock_mean(asked: Asked) -> Question | None:
    if asked.amounts:
        return None
    several = asked.when is not None and not asked.when.is_day
    measure = None
    if asked.fits("agg:mean", may=_CLOCK | {"per:day"}):
        measure, said = Measure.MEAN, "average"
    elif asked.fits("agg:median", may=_CLOCK | {"per:day"}):
        measure, said = Measure.MEDIAN, "median"
    elif (several or asked.weekdays) and asked.fits("ask:clock", may=_CLOCK):
        measure, said = Measure.MEAN, "average"
    return None if measure is None else asked.question(asked.query(measure), Take.VALUE, said)


def _clock_once(asked: Asked) -> Question | None:
    """Of one night; of the newest when no night is named."""
    asks = _set("ask:clock ask:when ask:what")
    if asked.amounts or asked.weekdays or not asked.fits(asks, may=_CLOCK | {"agg:last"}):
        return None
    if asked.when is not None and not asked.when.is_day:
        return None
    query = asked.query(Measure.MAX)
    newest = replace(query.select, only=-1) if asked.when is None else query.select
    return asked.question(
        Query(newest, Measure.MAX, asked.topic.field), Take.VALUE, "last" if asked.when is None else ""
    )


# -- things that happen ------------------------------------------------------------------------------------------------

_SORTS = {"music": {"noun:artist": "artist", "noun:song": "track", "noun:album": "album"},
          "podcast": {"noun:show": "show", "noun:episode": "episode"},
          "workout": {"noun:category": "activity"}}  # fmt: skip


def _sort_of(asked: Asked, otherwise: str = "") -> tuple[str, frozenset[str]]:
    """What is named in the answer: an artist, an album …; and the sign that says so."""
    nouns = _SORTS.get(asked.topic.name, {})
    said = [sign for sign in nouns if sign in asked.signs]
    if len(said) > 1 and "noun:song" in said:
        said.remove("noun:song")
    if len(said) > 1:
        return "", frozenset()
    return (nouns[said[0]], frozenset(nouns)) if said else (otherwise, frozenset(nouns))


def _top_group(asked: Asked) -> Question | None:
    """Who or what most."""
    who = "artist" if asked.topic.name == "music" else "show" if asked.topic.name == "podcast" else "activity"
    by, nouns = _sort_of(asked, who if asked.signs & _WHAT else "")
    by = "artist" if "ask:who" in asked.signs and by == "track" else by  # "whose songs"
    may = _WHAT | nouns | _set("agg:total unit:time ask:how_often or:or")
    if not by or asked.amounts or not asked.fits(_set("agg:most agg:least"), may=may) or asked.topic.name not in _SORTS:
        return None
    if asked.name is not None and asked.name.sort == by:
        return None
    least = "agg:least" in asked.signs
    query = asked.query(Measure.COUNT, by=by)
    if asked.number:
        query = replace(query, limit=asked.number)
        return None if least else asked.question(query, Take.NAMES, "most", sorts=by)
    return asked.question(query, Take.LEAST if least else Take.BEST, "least" if least else "most", sorts=by)


def _distinct(asked: Asked) -> Question | None:
    """How many different ones."""
    by, nouns = _sort_of(asked)
    may = nouns | _set("agg:total ask:how_often ask:what")
    if asked.topic.name == "podcast" and asked.name is None and asked.fits("ask:how_many", may=may | {"agg:distinct"}):
        # The same episode is told again and again while it is listened to.
        by = "show" if by == "show" else "text"
        return asked.question(asked.query(Measure.COUNT, by=by), Take.NUMBER, "number of different", sorts=by)
    if asked.name is not None and asked.name.sort == by:
        return None
    several = by in {"artist", "album"} or "agg:distinct" in asked.signs
    if not by or not several or not asked.fits("ask:how_many", may=may | {"agg:distinct"}):
        return None
    by = "text" if by == "track" else by
    return asked.question(asked.query(Measure.COUNT, by=by), Take.NUMBER, "number of different", sorts=by)


def _names(asked: Asked) -> Question | None:
    """Which ones there were in a time."""
    who = "artist" if "ask:who" in asked.signs else "show" if asked.topic.name == "podcast" else ""
    by, nouns = _sort_of(asked, who)
    by = "artist" if "ask:who" in asked.signs and by == "track" else by  # "whose songs"
    if not by or asked.when is None or asked.topic.name not in _SORTS:
        return None
    if not asked.fits(_WHAT, may=nouns | {"agg:distinct"}):
        return None
    return asked.question(asked.query(Measure.COUNT, by=by), Take.NAMES, "which", sorts=by)


def _durations(asked: Asked) -> Question | None:
    """How long workouts were."""
    if asked.topic.name != "workout":
        return None
    lasting = _set("ask:how_long ask:how_much unit:time unit:hours unit:minutes")
    may = _set("ask:how_many agg:total ask:what noun:session unit:time unit:hours unit:minutes")
    if asked.amounts:
        return None
    if asked.fits(_set("agg:longest agg:shortest"), may=may | _set("ask:when noun:day ask:how_long")):
        day = bool(asked.signs & {"ask:when", "noun:day"})
        top = "agg:longest" in asked.signs
        query = asked.query(Measure.MAX if top else Measure.MIN)
        return asked.question(query, Take.DAY if day else Take.VALUE, "longest" if top else "shortest", "s")
    if asked.fits(lasting, may=may) and not asked.signs <= {"ask:how_much"}:
        return asked.question(asked.query(Measure.SUM), Take.VALUE, "total", "s")
    return None


def _count(asked: Asked) -> Question | None:
    """How many, or how many a day."""
    may = _set("ask:how_many ask:how_often agg:total ask:what noun:twitter noun:day")
    may |= {"music": _MUSICAL, "workout": frozenset({"noun:session"})}.get(asked.topic.name, frozenset())
    if asked.signs & {"noun:day"} and not asked.signs & {"per:day"}:
        return None
    songs = asked.topic.name == "music" and (asked.name is None or "noun:song" in asked.signs)
    unit = "songs" if songs else asked.topic.name
    asks = _set("ask:how_many ask:how_often agg:total ask:how_much")
    if "noun:song" in asked.signs and "ask:how_much" in asked.signs:  # "how much music, in songs"
        asked = replace(asked, signs=asked.signs - {"ask:how_much"} | {"ask:how_many"})
    if asked.amounts and asked.topic.name != "workout":
        return None
    mean = _set("agg:mean per:day")
    if asked.fits(asks | mean, mean, may=may | mean) and not asked.amounts and asked.signs & {"per:day", "agg:mean"}:
        return asked.question(asked.query(Measure.COUNT, per_day=True), Take.VALUE, "average a day", unit)
    top = asked.fits("agg:most", frozenset({"ask:when", "noun:day"}), may=may | {"ask:when", "ask:what"})
    if top and not asked.amounts:
        return asked.question(asked.query(Measure.COUNT, by="day"), Take.BEST, "most", sorts="day")
    if asked.fits(asks - {"ask:how_much"}, may=may):
        return asked.question(asked.query(Measure.COUNT), Take.VALUE, "number of", unit)
    return None
