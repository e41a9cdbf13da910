"""Questions about a life and their keys, computed from the raw export files with the standard library alone.

It shares no code with the product. Every question has one answer under these definitions; a slot (period, date, artist)
whose answer hangs on a tie, a time zone, a doubtful record or the last half of a rounding step is not asked.

=================  =====================================================================================================
night              a row of Oura sleep with ``is_longest`` 1 (or without that field); the last row of a ``summary_date``
                   counts. Its date is the local date of ``bedtime_end`` as written: the day on which the person woke.
                   Google Fit's sleep measures the same nights again: not counted, periods that hold some, and a whole
                   life that holds some, are not asked.
sleep              time asleep, field ``total``; hours to 2 decimals. Time in bed (``duration``) is not asked. Periods
                   with a night under 1 hour asleep are not asked for averages or their shortest night.
bedtime, wake      clock time of ``bedtime_start`` / ``bedtime_end`` as written (local). Mean over nights, bedtimes as
                   minutes since noon, wake times as minutes since midnight; rounded to the minute, "HH:MM". Seconds
                   count. Bedtimes are not asked of periods in which the written offset changes (a flight, summer
                   time): the ring writes a whole night in the offset of waking.
weekday, weekend   of the date of the day, or of waking; Saturday and Sunday are the weekend.
steps              field ``steps`` of an Oura activity day, dated by ``summary_date``. An average is per recorded day,
                   rounded to 1; none is asked where a day has 0 steps. "Over N": more than N; N is never hit exactly.
computer           seconds of all ``items`` of RescueTime's ``top-overview`` rows, by day; a day without items is not
                   recorded and in no average. Hours: totals to 1 decimal, averages to 2; those under 1 are not asked.
coding             WakaTime's ``total_seconds`` (all its categories), hours to 1 decimal.
play               a row of Last.fm; equal ``uts``, artist and track count once. Artists by their exact name; artists
                   that also occur in other capitals are not asked. Top track and album: by title.
local day          of plays, posts and workouts: as their zone is not written, only what comes out the same with every
                   offset that the folder's Oura rows carry, and with -08:00, 00:00 and +05:30, is asked.
podcasts           distinct episodes (``uuid``), or shows, with a row in the month: by day of polling, as nothing else
                   is known. Months with more than 20 episodes in one poll (a first import) are not asked.
tweets, likes      rows by ``created_at``; of a like that is when the liked tweet was written. Retweets are tweets.
weight             kilograms to 1 decimal; a change is later minus earlier, negative when weight was lost.
workouts           Google Fit sessions by their start; periods in which one interval occurs twice are not asked.
longest gap        most consecutive calendar days without a record (play, night, steps, computer time) between two days
                   with one; with a period, no longer emptiness may lie at its edges.
streak             most consecutive calendar days with more than N steps; a day without a record ends it.
comparison         sleep and steps: average, computer and plays: total; asked only where average and total agree.
tie                not asked.
=================  =====================================================================================================

A key is a number (to `decimals`), a date "YYYY-MM-DD", a clock time "HH:MM", a name, a period "YYYY" or "YYYY-MM", or
a tuple of names in alphabetical order (order means nothing).

Run: ``python benchmarks/question_keys.py --data DIR [--list]`` prints how many questions there are of each kind.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # it is run as a file

from benchmarks.question_answers import ANSWERS, WEEKDAYS, Key, Life, Slots, read
from benchmarks.question_wording import TEMPLATES, show

_PARAPHRASES = Path(__file__).with_name("question_paraphrases.json")
_EXAMPLES = 3  # different slots a variant
_PATIENCE = 25  # slots with an answer that another one has already
_ENOUGH = 5  # records that make a month or a year worth a question
Candidates = Callable[[Life], list[Slots]]


@dataclass(frozen=True)
class Question:
    """A question, its key, the key's unit, and to how many decimals a number is to be right."""

    id: str
    kind: str
    text: str
    key: Key
    unit: str
    decimals: int


class Variant(NamedTuple):
    """One way to ask a kind: `name` in the table of templates, slots that are fixed, and slots to choose from."""

    name: str
    fixed: Slots
    candidates: Candidates

    @property
    def kind(self) -> str:
        """The first word of the name."""
        return self.name.split()[0]


def _periods(days: Iterable[str]) -> list[Slots]:
    """Months and years with enough records, the years repeated, so that a choice among them finds both."""
    counts = Counter(prefix for day in days for prefix in (day[:4], day[:7]))
    years = [period for period, n in counts.items() if len(period) == 4 and n >= _ENOUGH]
    months = [period for period, n in counts.items() if len(period) == 7 and n >= _ENOUGH]
    repeated = years * (len(months) // max(len(years), 1))
    return [{"period": period} for period in sorted(months) + sorted(repeated)]


def _years(days: Iterable[str]) -> list[Slots]:
    return [slots for slots in _periods(days) if len(slots["period"]) == 4]


def _with(name: str, values: Iterable[str], slots: Iterable[Slots]) -> list[Slots]:
    """Every slot set together with every value of one more slot."""
    known = list(slots)
    return [{name: value, **other} for value in values for other in known]


def _dates(days: Iterable[str]) -> list[Slots]:
    return [{"date": day} for day in sorted(set(days))]


def _pairs(days: Iterable[str]) -> list[Slots]:
    """Two different months, or two different years."""
    found = sorted({slots["period"] for slots in _periods(days)})
    return [{"period_a": a, "period_b": b} for a in found for b in found if a != b and len(a) == len(b)]


def _slept(life: Life) -> list[str]:
    return [night.day for night in life.nights]


def _played(life: Life) -> list[str]:
    return life.played_days()


def _artists(life: Life) -> list[Slots]:
    """Artists played often enough to be asked about."""
    counts = Counter(play.artist for play in life.plays.values())
    return [{"artist": artist} for artist in sorted(counts) if counts[artist] >= 10]


def _artist_periods(life: Life) -> list[Slots]:
    """Artists in the periods in which they were played most."""
    counts: Counter[tuple[str, str]] = Counter()
    for period in {slots["period"] for slots in _periods(_played(life))}:
        counts.update((play.artist, period) for play in life.played(0, period))
    return [{"artist": artist, "period": period} for (artist, period), n in sorted(counts.items()) if n >= 10]


def _categories(life: Life) -> list[Slots]:
    names = sorted({name for items in life.computer.values() for name in items} - {"Uncategorized"})
    return _with("category", names, _periods(life.computer))


def _weights(life: Life) -> list[Slots]:
    """Two dates half a year or more apart."""
    days = sorted(life.weight)
    return [{"date_a": a, "date_b": b} for a in days[::37] for b in days[::41] if b[:7] > a[:7] and b[:4] > a[:4]]


def _workouts(life: Life) -> list[Slots]:
    days = {a: [life.utc_day(start) for start, _ in sessions] for a, sessions in life.workouts.items()}
    return [slots for activity in sorted(days) for slots in _with("activity", [activity], _periods(days[activity]))]


def _thresholds(slots: Iterable[Slots]) -> list[Slots]:
    return _with("threshold", ("6000", "8000", "10000", "12000"), slots)


def _nothing(_: Life) -> list[Slots]:
    return [{}]


def _body_variants() -> list[Variant]:
    """Sleep, steps, weight and workouts."""
    nights: Candidates = lambda life: _periods(_slept(life))  # noqa: E731  # a table reads better
    steps: Candidates = lambda life: _periods(life.steps)  # noqa: E731
    some = ("weekdays", "weekends", *WEEKDAYS)
    return [
        *(Variant(f"sleep_amount {which}", {"which": which}, nights) for which in ("nights", "average")),
        *(Variant(f"sleep_extreme {which}", {"which": which}, nights) for which in ("longest", "shortest")),
        *(Variant(f"sleep_clock {w} all", {"which": w, "days": "all"}, nights) for w in ("bedtime", "wake")),
        Variant("sleep_clock wake some", {"which": "wake"}, lambda li: _with("days", some[:2], _years(_slept(li)))),
        Variant("sleep_on_date", {}, lambda life: _dates(_slept(life))),
        Variant("last_sleep_under", {}, lambda _: [{"hours": hours} for hours in ("4", "4.5", "5", "5.5", "6", "7")]),
        Variant("steps_amount total", {"which": "total", "days": "all"}, steps),
        Variant("steps_amount average all", {"which": "average", "days": "all"}, steps),
        Variant("steps_amount average some", {"which": "average"}, lambda li: _with("days", some, _years(li.steps))),
        Variant("steps_top_day", {}, steps),
        Variant("steps_top_weekday", {}, lambda life: _years(life.steps)),
        Variant("steps_streak streak", {"which": "streak"}, lambda life: _thresholds(_years(life.steps))),
        Variant("steps_streak ever", {"which": "streak", "period": "ever"}, lambda _: _thresholds([{}])),
        Variant("steps_streak days", {"which": "days"}, lambda life: _thresholds(_periods(life.steps))),
        *(Variant(f"weight {w}", {"which": w}, _nothing) for w in ("first", "last", "lowest", "highest")),
        Variant("weight on_date", {"which": "on_date"}, lambda life: _dates(life.weight)),
        Variant("weight change", {"which": "change"}, _weights),
        Variant("workouts", {}, _workouts),
    ]


def _media_variants() -> list[Variant]:
    """Computer, music, podcasts, posts."""
    computer: Candidates = lambda life: _periods(life.computer)  # noqa: E731
    music: Candidates = lambda life: _periods(_played(life))  # noqa: E731
    some = ("weekdays", "weekends", *WEEKDAYS)
    one, every = {"category": "any"}, {"category": "any", "days": "all"}
    return [
        Variant("computer_hours total any", {"which": "total"} | every, computer),
        Variant("computer_hours total one", {"which": "total", "days": "all"}, _categories),
        Variant("computer_hours average all", {"which": "average"} | every, computer),
        Variant(
            "computer_hours average some", {"which": "average"} | one, lambda li: _with("days", some, computer(li))
        ),
        Variant("computer_top_category", {}, lambda life: _months(life.computer)),
        Variant("computer_top_day", {}, computer),
        Variant("coding_hours", {}, lambda life: _periods(life.coding)),
        *(Variant(f"artist_first_last {which}", {"which": which}, _artists) for which in ("first", "last")),
        Variant("artist_plays ever", {"period": "ever"}, _artists),
        Variant("artist_plays period", {}, _artist_periods),
        Variant("plays_total", {}, music),
        *(Variant(f"music_top {which}", {"which": which}, music) for which in ("artist", "track", "album")),
        Variant("played_on_date", {}, lambda life: _dates(_played(life))),
        Variant("podcasts count", {"which": "count"}, lambda life: _months(day for day, _, _ in life.podcasts)),
        Variant("podcasts shows", {"which": "shows"}, lambda life: _months(day for day, _, _ in life.podcasts)),
        *(Variant(f"posts_likes {w}", {"which": w}, _posted) for w in ("tweets", "likes")),
    ]


def _months(days: Iterable[str]) -> list[Slots]:
    return [slots for slots in _periods(days) if len(slots["period"]) == 7]


def _posted(life: Life) -> list[Slots]:
    return _periods(life.utc_day(at * 1000) for posts in life.posts.values() for at in posts.values())


def _cross_variants() -> list[Variant]:
    """Gaps and comparisons, of several layers each."""
    days: dict[str, Callable[[Life], Iterable[str]]] = {
        "music": _played, "plays": _played, "sleep": _slept,
        "steps": lambda life: life.steps, "computer": lambda life: life.computer,
    }  # fmt: skip

    def pairs(of: str) -> Candidates:
        return lambda life: _pairs(days[of](life))

    def years(of: str) -> Candidates:
        return lambda life: _years(days[of](life))

    gaps = ("music", "sleep", "steps", "computer")
    return [
        *(Variant(f"longest_gap {of} ever", {"which": of}, _nothing) for of in gaps),
        *(Variant(f"longest_gap {of} period", {"which": of}, years(of)) for of in gaps),
        *(Variant(f"comparison {of}", {"which": of}, pairs(of)) for of in ("sleep", "steps", "computer", "plays")),
    ]


VARIANTS = (*_body_variants(), *_media_variants(), *_cross_variants())


def questions(folder: Path, seed: int = 1) -> list[Question]:
    """All questions that the folder's data can answer: up to three slots a variant, each in three phrasings.

    The same folder and seed give the same questions in the same order.
    """
    life = read(folder)
    found = []
    for variant in VARIANTS:
        for n, (slots, answer) in enumerate(_examples(life, variant, seed), 1):
            for phrasing, template in enumerate(TEMPLATES[variant.name], 1):
                name = f"{variant.name.replace(' ', '-')}-{n}-{phrasing}"
                found.append(Question(name, variant.kind, show(template, slots), *answer))
    return found


def paraphrases(folder: Path) -> list[Question]:
    """The hand-written paraphrases with their keys.

    Where the folder has no single answer for a paraphrase's own slots, those that its text shows are chosen anew (a
    month for a month, a year for a year); a paraphrase that cannot be asked of this folder is left out.
    """
    life = read(folder)
    found = []
    for row in json.loads(_PARAPHRASES.read_text(encoding="utf-8")):
        slots: Slots = row["slots"]
        answer = ANSWERS[row["kind"]](life, slots)
        if answer is None:
            slots, answer = next(_replaced(life, row), (slots, None))
        if answer is not None:
            found.append(Question(row["id"], row["kind"], show(row["text"], slots), *answer))
    return found


def _examples(life: Life, variant: Variant, seed: int) -> list[tuple[Slots, tuple[Key, str, int]]]:
    """Slots with answers; with different answers where some are found soon, so that no constant is right."""
    found: list[tuple[Slots, tuple[Key, str, int]]] = []
    alike: list[tuple[Slots, tuple[Key, str, int]]] = []
    for slots in _shuffled(variant, life, f"{seed}/{variant.name}"):
        if len(found) == _EXAMPLES or len(alike) == _PATIENCE:
            break
        answer = ANSWERS[variant.kind](life, slots)
        if answer is not None and slots not in [known for known, _ in found + alike]:
            (alike if answer in [known for _, known in found] else found).append((slots, answer))
    return (found + alike)[:_EXAMPLES]


def _shuffled(variant: Variant, life: Life, seed: str) -> list[Slots]:
    """The variant's slots in an order that hangs on nothing but the seed."""
    slots = [{**variant.fixed, **chosen} for chosen in variant.candidates(life)]
    random.Random(seed).shuffle(slots)
    return slots


def _replaced(life: Life, row: dict[str, Any]) -> Iterator[tuple[Slots, tuple[Key, str, int]]]:
    """Other slots with which the paraphrase's text is as true to its kind, in an order fixed by its id."""
    own: Slots = row["slots"]
    shown = {name for name in own if "{" + name in row["text"]}
    for variant in VARIANTS:
        if variant.kind != row["kind"]:
            continue
        for slots in _shuffled(variant, life, row["id"]):
            alike = set(slots) == set(own) and all(
                len(slots[name]) == len(own[name]) if name.startswith("period") else name in shown
                for name in own
                if slots[name] != own[name]
            )
            answer = ANSWERS[row["kind"]](life, slots) if alike else None
            if answer is not None:
                yield slots, answer


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True, help="a folder in the format of life_person_A")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", action="store_true", help="print the questions and keys, not the paraphrases")
    arguments = parser.parse_args()
    asked, rephrased = questions(arguments.data, arguments.seed), paraphrases(arguments.data)
    if arguments.list:
        for question in asked:
            print(f"{question.id:40} {question.text}  [{question.key} {question.unit}]")
    counts, others = Counter(q.kind for q in asked), Counter(q.kind for q in rephrased)
    print(f"{'kind':24}{'questions':>10}{'paraphrases':>13}")
    for kind in sorted(counts | others):
        print(f"{kind:24}{counts[kind]:10}{others[kind]:13}")
    print(f"{len(counts):2} kinds{'':16}{len(asked):10}{len(rephrased):13}")


if __name__ == "__main__":
    main()
