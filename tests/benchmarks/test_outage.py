"""The outage benchmark: a few kills in the middle of answers, whole under `make soak`; and that its judges bite."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from benchmarks.outage import PROCESS, Outage, _figures, _is_whole_within, _wait
from benchmarks.outage_clients import Asked, lost
from benchmarks.outage_life import Question, make_life
from benchmarks.outage_station import Back
from hearthside.app.station import open_house
from hearthside.companion.answers import Answer
from tests.app.helpers import settings_in

ROOT = Path(__file__).resolve().parents[2]
KEYS = {
    "lost", "computed_exact", "worst_answer_s", "unmarked", "recovery_over_load_s", "recovery_over_load_median_s",
    "load_s", "node_load_s", "kills", "asked",
}  # fmt: skip
GONE = Outage(PROCESS, 100.0, Back(103.9, 104.0), 3.0)
EXACT = {"mode": "computed", "value": "5", "text": "You wrote 5 messages.", "question": "0a", "limited": ""}
COUNT = Question("computed", "How many messages did I write?", "5")


def _run(*arguments: str, timeout: float) -> dict[str, float]:
    command = [sys.executable, "benchmarks/outage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stderr[-2000:]
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    assert set(figures) == KEYS
    return figures


def test_a_few_kills_lose_nothing_and_change_no_computed_answer() -> None:
    figures = _run("--smoke", timeout=400)
    assert (figures["lost"], figures["computed_exact"], figures["unmarked"], figures["kills"]) == (0, 1.0, 0, 2)
    assert figures["asked"] > 0 and figures["worst_answer_s"] > 0


@pytest.mark.soak
def test_a_hundred_kills_and_thirty_of_the_whole_node() -> None:
    figures = _run(timeout=3600)
    assert (figures["lost"], figures["computed_exact"], figures["unmarked"], figures["kills"]) == (0, 1.0, 0, 130)
    assert figures["worst_answer_s"] <= 3
    assert figures["recovery_over_load_s"] <= 3


def test_the_life_is_the_same_each_time_and_half_of_the_questions_have_keys() -> None:
    life = make_life(date(2026, 11, 17), 6)
    assert life == make_life(date(2026, 11, 17), 6) != make_life(date(2026, 11, 17), 7)
    drawn = [life.draw(random.Random(n)).kind for n in range(200)]
    assert 80 < drawn.count("computed") < 120 and set(drawn) == {"computed", "evidence", "unknown", "talk"}


def test_what_the_journal_does_not_hold_as_the_client_saw_it_is_lost(tmp_path: Path) -> None:
    house = open_house(settings_in(tmp_path), with_compute=False)
    answer = list(house.ask("Hello there!", "client-1"))[-1]
    house.close()
    assert isinstance(answer, Answer)
    seen = {"text": answer.text, "question": answer.question}
    kept = Asked(Question("talk", "Hello there!"), "client-1", 0.0, 1.0, seen)
    wrong = [
        replace(kept, answer=seen | {"text": "Something else."}),
        replace(kept, answer=seen | {"question": "00" * 16}),
        replace(kept, question=Question("talk", "Good morning!")),
        replace(kept, conversation="client-2"),
        replace(kept, answer={}, error="ReadTimeout"),
    ]
    assert [lost(tmp_path, [one]) for one in (kept, *wrong)] == [0, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("at_s", "end_s", "waited_s"),
    [
        (99.0, 102.5, 2.5),  # on its way when the node was killed
        (99.0, 130.0, 30.0),  # the same, answered after the model was back
        (101.0, 103.0, 2.0),
        (103.0, 120.0, 1.0),  # put while the node was away, and not answered before it was back
    ],
)
def test_who_waits_because_of_a_kill_is_counted(at_s: float, end_s: float, waited_s: float) -> None:
    assert _wait(Asked(COUNT, "c", at_s, end_s), GONE) == waited_s


def test_who_is_never_answered_waits_for_ever() -> None:
    assert _wait(Asked(COUNT, "c", 103.0), GONE) == _wait(Asked(COUNT, "c", 103.0, None, {}), GONE) == float("inf")


def test_an_answer_from_then_must_say_what_is_missing() -> None:
    plain = Asked(Question("talk", "Hello!"), "c", 101.0, 102.0, {"mode": "conversation", "text": "Hi.", "limited": ""})
    assert _is_whole_within(plain, GONE) and not plain.is_marked
    assert replace(plain, answer=plain.answer | {"limited": "The model is away."}).is_marked
    assert not replace(plain, answer={}).is_marked
    assert replace(plain, answer=EXACT).is_marked


def test_wrong_values_are_not_exact(tmp_path: Path) -> None:
    one = Asked(COUNT, "c", 101.0, 102.0, EXACT)
    wrong = [EXACT | {"value": "6"}, EXACT | {"mode": "quoted"}, {}]
    figures = _figures(tmp_path, [one, *(replace(one, answer=answer) for answer in wrong)], [GONE])
    assert (figures["computed_exact"], figures["recovery_over_load_s"], figures["lost"]) == (0.25, 1.0, 4)
