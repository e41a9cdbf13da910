"""The JSON form: strict, with one canonical text for each query, and every fault named with its place."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings

from hearthside.errors import Refused
from hearthside.memory.asking.query import (
    Filter,
    How,
    Measure,
    Of,
    Query,
    Relation,
    Selection,
    What,
    canonical,
    checked,
    from_json,
    json_schema,
    to_json,
)
from tests.memory.asking.questions import queries

LISTEN = Selection(What(Of.EVENTS, ("listen",)))


@settings(max_examples=150, deadline=None)
@given(query=queries())
def test_the_json_form_is_read_back_as_the_same_query(query: Query) -> None:
    text = canonical(query)
    assert from_json(text) == query
    assert canonical(from_json(text)) == text
    assert to_json(query) == orjson.loads(text)


def test_what_is_as_usual_is_left_out() -> None:
    assert canonical(Query(LISTEN)) == '{"select":{"what":{"names":["listen"],"of":"events"}}}'


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        ("{", "the whole"),
        ("[]", "the whole"),
        ("{}", "select"),
        ('{"select": {"what": {"of": "events"}}, "colour": 1}', "colour"),
        ('{"select": {"what": {"of": "things"}}}', "select.what.of"),
        ('{"select": {"what": {"of": "events", "names": "listen"}}}', "select.what.names"),
        ('{"select": {"what": {"of": "events", "names": [1]}}}', "select.what.names.0"),
        ('{"select": {"what": {"of": "events"}, "where": {"weekdays": [7]}}}', "select.where.weekdays.0"),
        ('{"select": {"what": {"of": "events"}, "where": {"weekdays": ["1"]}}}', "select.where.weekdays.0"),
        ('{"select": {"what": {"of": "events"}, "where": {"days": ["2024-13-01", null]}}}', "select.where.days.0"),
        ('{"select": {"what": {"of": "events"}, "where": {"days": ["2024-01-01"]}}}', "select.where.days.1"),
        ('{"select": {"what": {"of": "events"}, "where": {"times": ["12:00", null]}}}', "select.where.times.0"),
        ('{"select": {"what": {"of": "events"}, "relations": [{"how": "near"}]}}', "select.relations.0.how"),
        ('{"select": {"what": {"of": "events"}}, "limit": 0}', "limit"),
        ('{"select": {"what": {"of": "events"}}, "per_day": 1}', "per_day"),
        ('{"select": {"what": {"of": "events"}}, "by": ["day", "week", "year"]}', "by"),
    ],
)
def test_every_fault_is_named_with_its_place(raw: str, place: str) -> None:
    with pytest.raises(Refused) as caught:
        from_json(raw)
    assert caught.value.code == "query-json-wrong"
    assert f". {place}: " in caught.value.message or f"; {place}: " in caught.value.message


_DURING = Relation(How.DURING, LISTEN)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (Query(LISTEN, Measure.SUM, "start"), "no sum"),
        (Query(LISTEN, Measure.COUNT, "duration"), "not taken of a field"),
        (Query(LISTEN, Measure.NTH), "needs n"),
        (Query(LISTEN, Measure.NTH, n=0), "not 0"),
        (Query(LISTEN, n=2), "only “nth” has it"),
        (Query(LISTEN, Measure.MEAN, per_day=True), "“per day” goes with"),
        (Query(LISTEN, by=("colour",)), "Nothing can be grouped by “colour”"),
        (Query(LISTEN, by=("day", "day")), "twice"),
        (Query(LISTEN, Measure.LIST, by=("day",)), "not grouped"),
        (Query(Selection(What(Of.EPISODES))), "at least one kind"),
        (Query(Selection(What(Of.SAMPLES))), "at least one kind"),
        (Query(Selection(What(Of.VISITS), Filter(sources=("phone",)))), "no source"),
        (Query(Selection(What(Of.SAMPLES, ("met",)), Filter(words=("x",)))), "no words"),
        (Query(Selection(LISTEN.what, only=0)), "no 0th"),
        (Query(Selection(LISTEN.what, Filter(days=("2024-02-01", "2024-01-01")))), "before it begins"),
        (Query(Selection(LISTEN.what, Filter(days=("2023-02-29", None)))), "no date or time"),
        (Query(Selection(LISTEN.what, Filter(times=("2023-02-01T25:00", None)))), "no date or time"),
        (Query(Selection(LISTEN.what, relations=(Relation(How.DURING, LISTEN, within_s=5),))), "“within” goes with"),
        (Query(Selection(LISTEN.what, relations=(Relation(How.OUTSIDE, LISTEN, pick=1),))), "not picked"),
        (Query(Selection(LISTEN.what, relations=(Relation(How.AFTER, LISTEN, pick=0),))), "no 0th"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(query: Query, words: str) -> None:
    with pytest.raises(Refused) as caught:
        checked(query)
    assert caught.value.code == "query-not-possible"
    assert words in caught.value.message
    with pytest.raises(Refused, match="Nothing was asked"):
        from_json(canonical(query))


def test_relations_are_nested_only_so_deep() -> None:
    select = LISTEN
    for _ in range(3):
        select = Selection(LISTEN.what, relations=(Relation(How.DURING, select),))
    assert checked(Query(select))
    with pytest.raises(Refused, match="nested"):
        checked(Query(Selection(LISTEN.what, relations=(Relation(How.DURING, select),))))


def test_the_schema_allows_no_other_names_and_lists_what_there_is() -> None:
    schema = json_schema()
    parts = {"Query", "Selection", "What", "Filter", "Relation", "Test"} & ({*schema["$defs"]} | {"Query"})
    objects = [part for part in (schema, *schema["$defs"].values()) if part.get("type") == "object"]
    assert len(parts) == 6
    assert all(part["additionalProperties"] is False for part in objects)
    assert schema["$defs"]["Measure"]["enum"] == [measure.value for measure in Measure]
    assert schema["required"] == ["select"]
