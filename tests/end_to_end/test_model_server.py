"""A house whose words come from a real model server, and one whose larger model is taken away meanwhile."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from hearthside.app.house import House
from hearthside.app.rooms import system_clock
from hearthside.app.station import open_house
from hearthside.companion.answers import Answer, AnswerMode
from hearthside.companion.wording import STANDBY
from hearthside.config import Settings
from hearthside.errors import RetryLater
from hearthside.inference.shelf import embedded_model
from tests.app.helpers import settings_in
from tests.inference.llama_server import llama_server
from tests.until import until


@contextmanager
def _house(settings: Settings) -> Iterator[House]:
    house = open_house(settings, clock=system_clock)
    try:
        assert house.outside.compute is not None and house.outside.compute.wait_ready(60)
        yield house
    finally:
        house.close()


def _ask(house: House, text: str) -> Answer:
    answer = list(house.ask(text, "page"))[-1]
    assert isinstance(answer, Answer) and answer.text
    return answer


def _answered_later(house: House, question: str) -> Answer:
    """The later answer to a question that waits, as the station's keeper has it given."""

    def is_there() -> bool:
        house.waiting.look()
        return house.waiting.answer_to(question) is not None

    until(is_there)
    found = house.waiting.answer_to(question)
    assert found is not None
    return found


def _state(house: House) -> tuple[str, str]:
    """Phase and sentence of the compute node, as the health page shows them."""
    node = next(node for node in house.health().nodes if node.name == "Compute node")
    return node.state, node.sentence


def _worded(house: House) -> Answer:
    """Small talk in a model's words.

    What it says may be thrown away by the grounding check, and on a busy machine nobody waits long enough for it, so it
    is asked again.
    """
    answers: list[Answer] = []
    texts = itertools.cycle(("Hello there!", "Thank you.", "Good morning!", "How are you?", "Nice to see you."))

    def worded() -> bool:
        answers.append(_ask(house, next(texts)))
        return bool(answers[-1].worded_by)

    until(worded, "an answer in a model's words")
    return answers[-1]


def test_words_come_from_the_model_server_and_from_standby_when_it_is_gone(tmp_path: Path) -> None:
    with ExitStack() as running:
        server = ExitStack()
        url, key = server.enter_context(llama_server(tmp_path, {}, context_tokens=1024, cache_ram_mib=0))
        running.callback(server.close)
        (tmp_path / "server-key").write_text(key)
        settings = settings_in(tmp_path).model_copy(
            update={"model_server": url, "model_server_key_file": tmp_path / "server-key"}
        )
        house = running.enter_context(_house(settings))
        phase, sentence = _state(house)
        assert phase == "ready" and "llama-server" in sentence and url.removeprefix("http://") in sentence
        answer = _worded(house)
        assert answer.worded_by.startswith("the model server at 127.0.0.1") and not answer.limited
        server.close()
        until(lambda: _state(house)[0] == "down")
        assert "No model server answers" in _state(house)[1]
        assert house.outside.compute is not None and house.outside.compute.pid  # it goes on finding by meaning
        answer = _worded(house)
        assert answer.worded_by.endswith("(standby)") and answer.limited == STANDBY


def test_small_talk_goes_on_when_the_larger_model_is_killed_and_computed_answers_stay_exact(tmp_path: Path) -> None:
    model = Path(shutil.copy(embedded_model().path, tmp_path / "larger.gguf"))
    with _house(settings_in(tmp_path).model_copy(update={"model_path": model})) as house:
        compute, standby = house.outside.compute, house.outside.standby
        assert compute is not None and compute.pid is not None and standby is not None
        assert _worded(house).worded_by == "larger"
        model.rename(tmp_path / "away")
        os.kill(compute.pid, signal.SIGKILL)
        until(lambda: compute.state().phase == "down")
        answer = _worded(house)
        assert answer.mode is AnswerMode.CONVERSATION
        assert answer.worded_by.endswith("(standby)") and answer.limited == STANDBY
        counted = _ask(house, "How many messages did I write last week?")
        assert "standby" not in counted.worded_by
        house.waiting.put_off(answer.question)
        assert house.overview().node_sentence.endswith("1 question waits for it.")
        (tmp_path / "away").rename(model)
        assert compute.wait_ready(60)
        until(lambda: not standby.awake)
        assert _worded(house).worded_by == "larger"
        later = _answered_later(house, answer.question)
        assert later.later and not later.limited and house.overview().node_sentence == ""


def test_the_embedded_model_is_not_loaded_twice(tmp_path: Path) -> None:
    with _house(settings_in(tmp_path)) as house:
        compute, standby = house.outside.compute, house.outside.standby
        assert compute is not None and compute.pid is not None and standby is not None
        os.kill(compute.pid, signal.SIGKILL)
        with pytest.raises(RetryLater) as caught:
            list(standby.complete([{"role": "user", "content": "Hello."}], 4))
        assert caught.value.code == "standby-not-needed" and not standby.awake
