"""The names of the life that queries are written for in tests."""

from __future__ import annotations

from hearthside.memory.asking.source import Vocabulary
from hearthside.memory.questions.writing import Ground
from tests.memory.questions.lives import NOW, some_names


def ground(people: tuple[str, ...] = ("Mira", "Jonas Weber")) -> Ground:
    """A life with music, messages, workouts, steps, weights, nights and two places."""
    kinds = frozenset("listen podcast message workout activity_day weight_day app_time_day sleep".split())
    episodes = frozenset("sleep work commute".split())
    known = Vocabulary(kinds, episodes, frozenset(), frozenset({"Home", "Lidl"}), frozenset({"phone"}))
    return Ground(known, some_names(), people, NOW, 0)
