"""Every query gives what the slow reference gives, and examples from a life."""

from __future__ import annotations

import math

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hearthside.memory.asking import ask
from hearthside.memory.asking.query import Query
from tests.memory.asking.lives import NOW
from tests.memory.asking.questions import queries, some_life
from tests.reference.asking import Told, expected


def _same(found: Told, wanted: Told) -> bool:
    if (found.value is None) != (wanted.value is None):
        return False
    close = found.value is None or math.isclose(found.value, wanted.value or 0.0, rel_tol=1e-9, abs_tol=1e-6)
    return close and (found.count, found.days, found.heard) == (wanted.count, wanted.days, wanted.heard)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(query=queries(), seed=st.integers(0, 10**6))
def test_it_is_what_the_reference_says(query: Query, seed: int) -> None:
    life = some_life(seed)
    wanted = expected(life, query, NOW)
    answer = ask(life, query, NOW, evidence_limit=10_000)
    assert (answer.count, answer.days) == (wanted.count, wanted.days)
    assert (answer.coverage.days, answer.coverage.heard) == (wanted.asked, wanted.heard)
    if query.by:
        found = {group.key: Told(group.value, group.count, group.days, group.heard) for group in answer.groups}
        assert found.keys() == wanted.groups.keys()
        assert {key: (found[key], told) for key, told in wanted.groups.items() if not _same(found[key], told)} == {}
    else:
        told = wanted.groups[()]
        assert _same(Told(answer.value, told.count, told.days, told.heard), told), (answer.value, told)
