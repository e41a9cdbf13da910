"""Whether a model is fit to write queries: measured once on invented questions about an invented life."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from hearthside.events import day_start_ms
from hearthside.journal import Journal
from hearthside.memory.asking.query import canonical
from hearthside.memory.asking.source import Vocabulary
from hearthside.memory.fitness import Fitness, Yardstick
from hearthside.memory.held_model import HeldModel
from hearthside.memory.questions.names import Names
from hearthside.memory.questions.writing import Ground, query_of, version, written_by

LEAST_PRECISION = 0.9
"""Of the queries that pass all checks, so many must be the known one. A figure that answers another question looks as
sure as a right one, and the person sees it only by reading the query beside it; plain code is held to 0.95 on the
questions it was made for, and a declined question costs only a quotation instead of a figure."""

LEAST_SURE = 0.8
"""The lower end of the 90 % interval of that precision: of eleven queries and more none may be wrong. A model of 1.5
billion parameters had 17 of 19 right on other questions (docs/lab/0008)."""

LEAST_RECALL = 0.4
"""A model that answers fewer than four of ten is hardly ever heard, and its precision rests on too few answers."""

PROBES: tuple[tuple[str, str], ...] = (
    ("How many songs did I play in May 2024?", "count of records of listen in 2024-05"),
    ("Wie oft habe ich 2023 Okta Delta gehört?", "count of records of listen where artist = 'Okta Delta' in 2023"),
    ("Was war mein schwerstes Gewicht im Jahr 2025?", "max of records of weight_day in 2025"),
    ("Wie viele Schritte waren es insgesamt im Juni 2025?", "sum of records of activity_day in 2025-06"),
    ("지난달에 평균 몇 시간 잤어?", "mean of records of sleep from 2026-02-01 to 2026-02-28"),
    ("작년에 가장 많이 들은 가수는 누구야?", "count of records of listen in 2025 by artist"),
    ("先週は合計で何歩歩きましたか？", "sum of records of activity_day from 2026-03-09 to 2026-03-15"),
    ("2024年に何回運動しましたか？", "count of records of workout in 2024"),
    ("上个月我平均每天走多少步？", "mean of records of activity_day from 2026-02-01 to 2026-02-28"),
    ("我最后一次称体重是什么时候？", "last of records of weight_day"),
    ("What was the least I weighed in 2024, by the figures?", "min of records of weight_day in 2024"),
    ("Wie lange schlafe ich im Durchschnitt am Wochenende?", "mean of records of sleep on Saturday or Sunday"),
    ("How many messages has Tilde sent me in 2025?", "count of records of message where person = 'Tilde' in 2025"),
    ("On how many days in 2024 did I put on any music at all?", "days of records of listen in 2024"),
    ("How much money went into coffee in 2024?", ""),
    ("Wie viele Bücher habe ich 2025 gelesen?", ""),
    ("물을 몇 잔 마셨어?", ""),
    ("何回くらい泣きましたか？", ""),
    ("我笑了多少次？", ""),
    ("How many of the people at the party were taller than me?", ""),
    ("How often was I late for work in 2025?", ""),
    ("Wie oft habe ich mich mit Tilde gestritten?", ""),
)
"""Question and query, "" where none answers it."""

_VERSION = hashlib.sha256(json.dumps([PROBES, LEAST_PRECISION, LEAST_SURE, LEAST_RECALL]).encode()).hexdigest()[:8]


def yardstick() -> Yardstick:
    """What writing queries takes."""
    return Yardstick("queries", f"{_VERSION}-{version()}", LEAST_PRECISION, LEAST_SURE, LEAST_RECALL)


def probe_ground() -> Ground:
    """The invented life: its names, and the present, noon of a Wednesday."""
    names = Names()
    names.add("artist", {"Okta Delta": 3, "Fernweh": 2})
    names.add("activity", {"running": 2, "swimming": 1})
    kinds = frozenset("listen message workout activity_day weight_day sleep search".split())
    known = Vocabulary(kinds, frozenset({"work", "commute", "sleep"}), frozenset(), frozenset({"Home"}), frozenset())
    return Ground(known, names, ("Tilde",), day_start_ms("2026-03-18") + 12 * 3_600_000, 0)


def measured(model: HeldModel, progress: Callable[[int, int], None] = lambda done, total: None) -> tuple[int, int, int]:
    """Right queries, queries, and queries there are to write; ends early once precision or recall is out of reach.

    Raises:
        RetryLater: the model is away.
    """
    ground, right, said = probe_ground(), 0, 0
    wanted = sum(bool(query) for _, query in PROBES)
    for n, (question, query) in enumerate(PROBES):
        found = written_by(model, question, ground)
        if found is not None:
            said += 1
            right += bool(query) and canonical(found) == canonical(query_of(query, ground))
        progress(n + 1, len(PROBES))
        if yardstick().out_of_reach(right, said - right, sum(bool(query) for _, query in PROBES[n + 1 :]), wanted):
            break
    return right, said, wanted


def known_fitness(journal: Journal, model: str) -> Fitness | None:
    """What was measured of a model, or None."""
    return yardstick().known(journal, model)


def fitness_for_queries(
    journal: Journal,
    model: HeldModel,
    clock: Callable[[], int],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Fitness:
    """What is known of the model, measured and journalled if it was not before.

    Raises:
        RetryLater: the model is away.
    """
    return yardstick().found(journal, model.model, clock, lambda: measured(model, progress))
