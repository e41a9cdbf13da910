"""Computed figures in plain English, one sentence each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta

from hearthside.companion.replies import Memory, ago, amount_of_time, in_words, moment_label, on_day, times, weekday_of
from hearthside.companion.replies import what_of as words_of
from hearthside.events import Origin
from hearthside.memory.asking.query import CLOCKS, Measure
from hearthside.memory.questions import Figure, Question, Take

_SHOWN = 8  # names in one sentence
_CLOCK_VERBS = {"bed": "fell asleep", "wake": "woke up"}
_VERBS = {
    "sleep": "slept", "inbed": "were in bed", "steps": "took", "weight": "weighed", "readiness": "had a readiness of",
    "computer": "were at the computer", "coding": "spent programming", "post": "posted", "like": "liked",
}  # fmt: skip
_NOUNS = {
    "sleep": "your sleep", "inbed": "your time in bed", "bed": "your sleep", "wake": "your sleep",
    "steps": "your steps", "weight": "your weight", "readiness": "your readiness", "computer": "time at the computer",
    "coding": "time spent programming", "music": "songs you listened to", "podcast": "podcast episodes",
    "post": "posts of yours", "like": "posts you liked", "workout": "workouts",
}  # fmt: skip
_ACTIVITIES = {
    "badminton": "played", "tennis": "played", "football": "played", "squash": "played", "basketball": "played",
    "elliptical": "were on the", "strength training": "did", "core training": "did", "mixed cardio": "did",
    "yoga": "did",
}  # fmt: skip


def about(question: Question) -> str:
    """What a question is about, for saying that nothing is known of it."""
    what = _NOUNS[question.topic]
    if question.thing:
        of = {"music": f"“{question.thing}”", "workout": question.thing}.get(
            question.topic, f"{what} on {question.thing}"
        )
        what = of
    over = f" of {question.over}" if question.over else ""
    return f"{what}{over}{_spaced(question.on)}{_when(question)}"


def said(memory: Memory, figure: Figure) -> tuple[str, str]:
    """A sentence, and its value as text."""
    return _BY_TAKE[figure.question.take](memory, figure)


# -- parts of sentences ------------------------------------------------------------------------------------------------


def _spaced(text: str) -> str:
    return f" {text}" if text else ""


def _when(question: Question) -> str:
    return _spaced(question.on) + _spaced(question.labels[0])


def did(question: Question) -> str:
    """What the person did, past tense."""
    thing = question.thing
    match question.topic:
        case "music":
            return f"listened to {thing}" if thing else "listened to music"
        case "podcast":
            return f"listened to {thing}" if thing else "listened to podcasts"
        case "workout":
            return f"{_ACTIVITIES.get(thing, 'went')} {thing}" if thing else "worked out"
        case "computer" if thing:
            return f"spent time on {thing}"
        case "coding" if thing:
            return f"programmed in {thing}"
        case topic:
            return _VERBS.get(topic) or _CLOCK_VERBS.get(topic, topic)


def _amount(value: float, unit: str) -> str:
    match unit:
        case "s":
            return amount_of_time(value)
        case "kg":
            return f"{value:.1f} kg"
        case "points":
            return f"{value:.0f}"
        case "clock":
            return clock(value)
        case "steps" | "days" | "nights":
            whole = round(value)
            return f"{whole:,} {unit[:-1] if whole == 1 else unit}"
        case _:
            return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


def clock(minutes: float) -> str:
    """Minutes of the day as a time: 07:05."""
    whole = round(minutes) % 1440
    return f"{whole // 60:02d}:{whole % 60:02d}"


def _listed(names: Sequence[str]) -> str:
    shown = list(names[:_SHOWN])
    if len(names) > _SHOWN:
        return f"{', '.join(shown)} and {len(names) - _SHOWN:,} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]


# -- one value ---------------------------------------------------------------------------------------------------------


def _value(memory: Memory, figure: Figure) -> tuple[str, str]:
    question, value = figure.question, figure.value
    assert isinstance(value, float)
    measure = question.query.measure
    if measure in {Measure.STREAK, Measure.PAUSE}:
        return _run(figure, value)
    if question.query.field in CLOCKS and question.unit == "clock":
        return _clock(figure, value)
    if measure in {Measure.MIN, Measure.MAX, Measure.FIRST, Measure.LAST}:
        return _extreme(memory, figure, value)
    if measure is Measure.DAYS:
        return _days(question, value)
    if measure is Measure.COUNT:
        return _count(figure, value)
    return _sum(figure, value)


def _sum(figure: Figure, value: float) -> tuple[str, str]:
    question = figure.question
    amount, when = _amount(value, question.unit), _when(question)
    unit = "night" if question.query.select.what.names == ("sleep",) else "day"
    over = f", over {figure.days:,} {unit}s" if figure.days > 1 else ""
    if question.said in {"average", "median"}:
        which = "on average" if question.said == "average" else "in the middle of all"
        each = "" if question.unit in {"kg", "points"} else f" a {unit}"
        return f"You {_did(question, amount)}{each} {which}{when}{over}.", amount
    if question.unit == "s" and figure.days > 1:
        over = f", over {figure.days:,} days: {amount_of_time(value / figure.days)} a day"
        return f"You {_did(question, amount)}{when}{over}.", amount
    return f"You {_did(question, amount)}{when}.", amount


def _did(question: Question, amount: str) -> str:
    """“slept 7 h”, “spent 3 h on Entertainment”."""
    if question.thing and question.topic in {"computer", "coding"}:
        return f"spent {amount} {'on' if question.topic == 'computer' else 'programming in'} {question.thing}"
    if question.topic == "coding":
        return f"spent programming {amount}"
    return f"{did(question)} {'for ' if question.topic == 'workout' else ''}{amount}"


def _days(question: Question, value: float) -> tuple[str, str]:
    count = round(value)
    unit = "night" if question.unit == "nights" else "day"
    on = f"on {count:,} {unit if count == 1 else unit + 's'}"
    verb = f"{did(question)} {question.over}" if question.over else did(question)
    verb = "had steps recorded" if question.topic == "steps" and not question.over else verb
    return f"You {verb} {on}{_when(question)}.", f"{count:,}"


def _count(figure: Figure, value: float) -> tuple[str, str]:
    question, when = figure.question, _when(figure.question)
    if question.query.per_day:
        noun = {"music": "songs", "podcast": "podcast episodes", "post": "posts", "like": "posts"}.get(
            question.topic, "times"
        )
        verb = {"music": "listened to", "podcast": "listened to", "like": "liked", "post": "wrote"}.get(question.topic)
        amount = f"{value:,.1f}"
        return f"You {verb or did(question)} {amount} {noun} a day on average{when}.", amount
    count = round(value)
    shown = f"{count:,}"
    if question.unit == "songs":
        by = f" by {question.thing}" if question.thing else ""
        return f"You listened to {shown} {'song' if count == 1 else 'songs'}{by}{when}.", shown
    if question.topic == "like":
        return f"You liked {shown} {'post' if count == 1 else 'posts'}{when}.", shown
    over = f" for {question.over}" if question.over else ""
    return f"You {did(question)}{over} {times(count)}{when}.", shown


def _run(figure: Figure, value: float) -> tuple[str, str]:
    question, amount, when = figure.question, _amount(value, "days"), _when(figure.question)
    rows = figure.answers[0].rows
    if question.query.measure is Measure.PAUSE:
        ends = (_shifted(rows[0].local_day, 1), _shifted(rows[-1].local_day, -1)) if rows else ("", "")
        span = f", from {ends[0]} to {ends[1]}" if value else ""
        what = {"sleep": "a record of your sleep", "steps": "recorded steps"}.get(question.topic, "")
        what = what or (question.thing or _NOUNS[question.topic].replace("songs you listened to", "music"))
        return f"Your longest gap without {what}{when} was {amount}{span}.", amount
    days = sorted(row.local_day for row in rows)
    span = f", from {days[0]} to {days[-1]}" if days else ""
    what = f"with {question.over}" if question.over else f"on which you {did(question)}"
    return f"Your longest streak of days {what}{when} was {amount}{span}.", amount


def _shifted(day: str, by: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=by)).isoformat()


def _clock(figure: Figure, value: float) -> tuple[str, str]:
    question, at, when = figure.question, clock(value), _when(figure.question)
    verb = _CLOCK_VERBS[question.topic]
    night = f"in the night to {figure.day}" if question.topic == "bed" else f"on {figure.day}"
    match question.said:
        case "latest" | "earliest":
            return f"You {verb} {question.said}{when} {night}: at {at}.", f"{figure.day}, {at}"
        case "average" | "median":
            which = "on average" if question.said == "average" else "in the middle of all"
            over = f", over {figure.days:,} nights" if figure.days > 1 else ""
            return f"You {verb} at {at} {which}{when}{over}.", at
        case _:
            return f"You {verb} at {at} {night}.", at


def _extreme(memory: Memory, figure: Figure, value: float) -> tuple[str, str]:
    """“Your most steps were on Tuesday, 2026-11-17: 8,123 steps.”"""
    question, day, when = figure.question, figure.day, _spaced(figure.question.labels[0])
    amount = _amount(value, question.unit)
    both = f"{day}, {amount}"
    if question.unit in {"kg", "points"}:
        what = "weight" if question.unit == "kg" else "readiness"
        if not question.said:
            return f"Your {what} was {amount}, {on_day(day)}.", both
        order = {"least": "lowest", "most": "highest", "last": "last", "first": "first"}[question.said]
        back = ago(day, memory.stream.offset_on(day), memory.now_ms) if question.said == "last" else ""
        return f"Your {order} {what}{_spaced(question.on)} was {amount}, {on_day(day)}{back}.", both
    narrowed = _spaced(question.on) + when
    if question.topic == "steps":
        which = "most" if question.said == "most" else "fewest"
        return f"Your {which} steps{narrowed} were {on_day(day)}: {amount}.", both
    which = "longest" if question.said in {"most", "longest"} else "shortest"
    if question.topic in {"sleep", "inbed"}:
        return f"Your {which} night{narrowed} was the one to {weekday_of(day)}, {day}: {amount}.", both
    if question.topic == "workout":
        return f"Your {which} {question.thing or 'workout'}{narrowed} was {on_day(day)}: {amount}.", both
    most = "most" if question.said == "most" else "least"
    return f"You {did(question)} {most}{narrowed} {on_day(day)}: {amount}.", both


# -- days, names, and two of them --------------------------------------------------------------------------------------


def _day(memory: Memory, figure: Figure) -> tuple[str, str]:
    question = figure.question
    if question.query.measure in {Measure.MIN, Measure.MAX} and figure.amount is not None:
        return _clock(figure, figure.amount) if question.unit == "clock" else _extreme(memory, figure, figure.amount)
    which = question.said
    row = figure.answers[0].rows[0]
    back = ago(row.local_day, memory.stream.offset_on(row.local_day), memory.now_ms)
    if question.query.select.what.names == ("sleep",):
        verb = f"{did(question)} {question.over}".strip()
        held = f": {amount_of_time(row.amount)}" if row.amount is not None else ""
        return (
            f"You {which} {verb} in the night to {weekday_of(row.local_day)}, {row.local_day}{back}{held}.",
            row.local_day,
        )
    if question.topic in {"steps", "weight", "readiness", "computer", "coding"}:
        amount = _amount(row.amount or 0.0, question.unit)
        verb = f"{did(question)} {question.over}".strip()
        return f"You {which} {verb} {on_day(row.local_day)}{back}: {amount}.", row.local_day
    one = memory.stream.get(bytes.fromhex(row.evidence[0])) if row.evidence else None
    over = f" for {question.over}" if question.over else ""
    if one is None:
        return f"You {which} {did(question)}{over} {on_day(row.local_day)}{back}.", row.local_day
    quoted = f": “{words_of(one)}”" if one.text and question.topic != "workout" and one.origin is not Origin.AI else "."
    verb = did(question)
    verb = f"were {which} {verb[5:]}" if verb.startswith("were ") else f"{which} {verb}"
    return f"You {verb}{over} {in_words(one)}{back}{quoted}", moment_label(one)


def _best(memory: Memory, figure: Figure) -> tuple[str, str]:
    question, when = figure.question, _when(figure.question)
    names = [str(figure.value), *figure.level]
    most = "most" if question.take is Take.BEST else "least"
    amount = "" if figure.amount is None else _counted(question, figure.amount)
    match question.sorts:
        case "artist" | "show":
            text = f"You listened to {_listed(names)} {most}{when}: {amount}."
        case "activity":
            text = f"You did {_listed(names)} {most}{when}: {amount}."
        case "category":
            where = "at the computer" if question.topic == "computer" else "spent programming"
            text = f"The {most} of your time {where}{when} went to {_listed(names)}: {amount}."
        case "day":
            names = [f"{weekday_of(name)}, {name}" for name in names]
            text = f"You {did(question)} {most}{when} on {_listed(names)}: {amount}."
            return text, str(figure.value)
        case "weekday" | "month" | "year":
            names = [_span_name(question.sorts, name) for name in names]
            which = (
                question.said
                if question.unit == "clock"
                else f"{most} {'on average' if 'average' in question.said else 'in total'}"
            )
            if question.topic == "steps":
                which = f"the {which}".replace("the most", "the most steps").replace("the least", "the fewest steps")
            text = f"You {did(question)} {which}{when} {_listed(names)}: {amount}."
            return text, str(figure.value)
        case _:
            quoted = _listed([f"“{name}”" for name in names])
            text = f"Your {most} played {question.sorts}{when} was {quoted}: {amount}."
    return text, _listed(names)


def _span_name(sorts: str, name: str) -> str:
    if sorts == "weekday":
        return f"on {name}s"
    if sorts == "month":
        return f"in {date.fromisoformat(name + '-01'):%B %Y}"
    return f"in {name}"


def _counted(question: Question, amount: float) -> str:
    if question.query.measure is not Measure.COUNT:
        return _amount(amount, question.unit)
    each = " a day" if question.query.per_day else ""
    noun = {"music": "song", "podcast": "episode", "workout": "workout"}.get(question.topic, "post")
    if question.topic == "music" and question.sorts != "artist":
        noun = "play"
    shown = f"{amount:,.1f}" if each else f"{round(amount):,}"
    return f"{shown} {noun}{'' if amount == 1 else 's'}{each}"


def _names(memory: Memory, figure: Figure) -> tuple[str, str]:
    assert isinstance(figure.value, tuple)
    names = _listed(figure.value)
    question = figure.question
    if question.said == "most":
        return f"You listened most to {names}{_when(question)}.", ", ".join(figure.value)
    return f"You {did(question).removesuffix(' music').removesuffix(' podcasts')} {names}{_when(question)}.", ", ".join(
        figure.value
    )


def _number(memory: Memory, figure: Figure) -> tuple[str, str]:
    assert isinstance(figure.value, float)
    question, count = figure.question, round(figure.value)
    noun = {"show": "podcast", "artist": "artist", "album": "album"}.get(question.sorts, "song")
    noun = "podcast episode" if question.topic == "podcast" and question.sorts != "show" else noun
    different = "" if question.topic == "podcast" else "different "
    return f"You listened to {count:,} {different}{noun}{'' if count == 1 else 's'}{_when(question)}.", f"{count:,}"


def _more(memory: Memory, figure: Figure) -> tuple[str, str]:
    question = figure.question
    figures = []
    for label, answer in zip(question.labels, figure.answers, strict=True):
        each = " a day" if answer.query.per_day else ""
        shown = (
            _amount(answer.value or 0.0, question.unit)
            if answer.query.measure is not Measure.COUNT
            else _counted(question, answer.value or 0)
        )
        figures.append(f"{shown}{each if answer.query.measure is not Measure.COUNT else ''} {label}")
    if figure.value is None:
        return f"It was the same: {_listed(figures)}.", "the same"
    which = "more" if question.take is Take.MORE else "less"
    if question.unit == "clock":
        which = "later" if question.take is Take.MORE else "earlier"
    how = " on average" if question.said == "average" else " in total"
    verb = f"{did(question)} {which}"
    if question.topic == "steps":
        verb = f"took {'fewer' if which == 'less' else which} steps"
    return f"You {verb}{how} {figure.value}: {_listed(figures)}.", str(figure.value)


def _change(memory: Memory, figure: Figure) -> tuple[str, str]:
    assert isinstance(figure.value, float)
    question = figure.question
    ends = []
    for answer in figure.answers:
        row = answer.rows[0] if answer.rows else None
        value = row.value if row is not None and row.value is not None else answer.value
        label = on_day(row.local_day) if row is not None else _label_of(answer.query.select.where.days)
        ends.append(f"{_amount(value or 0.0, question.unit)} {label}")
    amount = _amount(abs(figure.value), question.unit)
    way = "went up by" if figure.value > 0 else "went down by"
    noun = _NOUNS[question.topic]
    return f"{_upper(noun)} {way} {amount}: from {ends[0]} to {ends[1]}.", f"{'-' if figure.value < 0 else ''}{amount}"


def _label_of(days: tuple[str | None, str | None]) -> str:
    return on_day(days[0]) if days[0] is not None and days[0] == days[1] else f"on average from {days[0]} to {days[1]}"


_BY_TAKE: dict[Take, Callable[[Memory, Figure], tuple[str, str]]] = {
    Take.VALUE: _value, Take.DAY: _day, Take.BEST: _best, Take.LEAST: _best, Take.NAMES: _names, Take.NUMBER: _number,
    Take.MORE: _more, Take.LESS: _more, Take.CHANGE: _change,
}  # fmt: skip
