"""Ranking: what was said around a turn, who said it, when, and whether it states anything."""

from __future__ import annotations

import pytest

from hearthside.memory.documents import Document
from hearthside.memory.ranking import DECAY, NEIGHBOUR_TF, REACH, SPEAKER, STATEMENT, TIME, Asked, Ranked, rank

LAKE = Asked({"lake": 2.0}, {}, 3.0)


def _turn(
    row: int, terms: str = "so it was", speaker: str = "Ann", words: int = 8, statements: float = 1.0
) -> Document:
    return Document(row, bytes([row]), "chat", speaker, "message", row * 1000, words, statements, tuple(terms.split()))


def _rows(ranked: list[Ranked]) -> list[int]:
    return [one.document.row for one in ranked]


def test_a_hit_lifts_its_neighbours_the_nearer_the_more() -> None:
    run = [_turn(row, "lake trip today" if row == 5 else "so it was") for row in range(1, 10)]
    ranked = rank([run], LAKE)
    assert _rows(ranked)[:5] == [5, 6, 4, 7, 3]
    scores = {one.document.row: one.score for one in ranked}
    assert scores[4] == scores[6] > scores[3] == scores[7] > scores[2] == scores[5 + REACH + 1]
    assert [one.why for one in ranked[:2]] == ["keyword", "context"]
    assert 0 < NEIGHBOUR_TF * DECAY < NEIGHBOUR_TF < 1


def test_neighbours_of_another_run_lift_nothing() -> None:
    scores = {one.document.row: one.score for one in rank([[_turn(1, "lake trip today")], [_turn(2)]], LAKE)}
    assert scores[2] == pytest.approx(STATEMENT)


def test_words_spread_over_neighbouring_turns_count_together() -> None:
    asked = Asked({"lake": 2.0, "boat": 2.0}, {}, 3.0)
    together = [_turn(1, "lake it was"), _turn(2, "boat it was")]
    apart = [[_turn(11, "lake it was"), _turn(12)], [_turn(21, "boat it was"), _turn(22)]]
    assert set(_rows(rank([together, *apart], asked))[:2]) == {1, 2}


def test_a_short_turn_takes_more_of_its_meaning_from_its_neighbours() -> None:
    asked = Asked({}, {2: 0.9, 1: 0.5, 9: 0.4}, 3.0)
    short = {one.document.row: one.score for one in rank([[_turn(1, words=2), _turn(2)]], asked)}
    long = {one.document.row: one.score for one in rank([[_turn(1, words=200), _turn(2)]], asked)}
    assert short[1] > long[1]
    assert rank([[_turn(1), _turn(2)]], asked)[0].why == "meaning"


def test_what_is_not_among_the_nearest_is_as_far_as_the_last_of_them() -> None:
    asked = Asked({}, {1: 0.9, 2: 0.8}, 3.0)
    scores = {one.document.row: one.score for one in rank([[_turn(row)] for row in (1, 2, 3)], asked)}
    assert scores[1] == pytest.approx(0.5 + STATEMENT) and scores[2] == scores[3] == pytest.approx(STATEMENT)


def test_priors_lift_and_rule_nothing_out() -> None:
    asked = Asked({"lake": 2.0}, {}, 3.0, frozenset({("chat", "bo")}), ((3000, 4000),))
    turns = [_turn(1), _turn(2, speaker="Bo"), _turn(3), _turn(4, statements=0.0), _turn(9, "lake", statements=0.0)]
    ranked = rank([[turn] for turn in turns], asked)
    scores = {one.document.row: one.score for one in ranked}
    assert scores[2] - scores[1] == pytest.approx(SPEAKER)
    assert scores[3] - scores[1] == pytest.approx(TIME)
    assert scores[1] - scores[4] == pytest.approx(STATEMENT)
    assert _rows(ranked)[0] == 9 and len(ranked) == 5


def test_a_compound_is_found_by_its_beginning() -> None:
    asked = Asked({"geburtstag": 3.0}, {}, 2.0)
    runs = [[_turn(1, "geburtstagsfei morgen")], [_turn(2, "geburtstag morgen")], [_turn(3, "feier morgen")]]
    assert _rows(rank(runs, asked)) == [2, 1, 3]
    short = Asked({"hand": 3.0}, {}, 2.0)
    assert rank([[_turn(1, "handi tool")]], short)[0].why == "context"


def test_of_equals_the_newest_comes_first_and_nothing_is_nothing() -> None:
    assert _rows(rank([[_turn(row)] for row in (3, 1, 2)], LAKE)) == [3, 2, 1]
    assert rank([], LAKE) == []


def test_words_that_are_sought_come_before_what_lies_beside_them_or_near_in_meaning() -> None:
    turns = [_turn(1, "lake house", statements=0.0), _turn(2), _turn(3, "lake"), _turn(4, "boat house")]
    asked = Asked({"lake": 2.0, "hous": 2.0, "house": 2.0}, {2: 0.9, 4: 0.8, 3: 0.1}, 3.0)
    sought = Asked(asked.idf, asked.cosines, 3.0, sought=(("lake",), ("house",)))
    assert _rows(rank([turns], asked))[0] != 1
    assert _rows(rank([turns], sought))[0] == 1
