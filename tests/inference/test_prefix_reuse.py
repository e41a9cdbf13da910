"""What a node has read of a person is used for the next question, through everything between, and for nobody else."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from hearthside.companion import context
from hearthside.identity.vault import create_vault
from hearthside.inference.adapters import AdapterManifest, AdapterRegistry
from hearthside.inference.backend import Usage
from hearthside.inference.client import ComputeNode
from hearthside.inference.shelf import embedded_model
from hearthside.inference.supervisor import NodeOptions, Supervisor
from tests.inference.adapter_files import random_adapter

_MODEL = embedded_model()
_PROFILE = "Writes in: English\nTalks with: Ann, Ben, Cleo\nExercise: running\nGoes to: the harbour, the library"
_NOW = "It is Wednesday, 2026-11-18, 17:0{}.\nWhere: Home, since 16:10.\nSlept last night: 7 h 45 min."


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ComputeNode, list[str]]]:
    """The client of a node, and the ids of two persons' adapters that it can be sent."""
    folder = tmp_path_factory.mktemp("prefix")
    registry = AdapterRegistry(create_vault(folder / "vault", key_file=folder / "key"), _clock)
    manifest = AdapterManifest(_MODEL.sha256, "lora_sft", "2026-01-01", "2026-01-31", 900, "receipt")
    adapters = [registry.stage(random_adapter(seed), manifest) for seed in (1, 2)]
    supervisor = Supervisor(_MODEL, NodeOptions(context_tokens=512), _clock, registry)
    supervisor.start()
    assert supervisor.wait_ready(120)
    yield supervisor.node, adapters
    supervisor.stop()


def _clock() -> int:
    return time.time_ns() // 1_000_000


def _ask(node: ComputeNode, number: int, adapter: str | None = None) -> Usage:
    record = f"- 1{number} November 2026, Ann: “The {'tide boat train lamp'.split()[number]} was late again.”"
    messages = context.build(f"What was late {number}?", [record], (), _PROFILE, "Keep it short.", _NOW.format(number))
    answer = node.complete(messages, adapter=adapter, max_tokens=2)
    list(answer)
    assert answer.usage is not None
    return answer.usage


def test_second_question_a_minute_later_reads_its_record_and_itself_only(
    served: tuple[ComputeNode, list[str]],
) -> None:
    node, _ = served
    first = _ask(node, 0)
    node.embed(["a text between two questions"])
    node.probe()
    second = _ask(node, 1)
    assert first.cached_tokens < 10
    assert second.prompt_tokens - second.cached_tokens < 0.35 * first.prompt_tokens


def test_nothing_that_was_read_is_used_with_another_adapter_or_after_a_change_of_adapters(
    served: tuple[ComputeNode, list[str]],
) -> None:
    node, (ann, ben) = served
    assert _ask(node, 0, ann).cached_tokens == 0  # the adapter is sent, so everything is new
    assert _ask(node, 1, ann).cached_tokens > 100
    assert _ask(node, 1).cached_tokens == 0
    assert _ask(node, 2, ann).cached_tokens > 100
    node.load_adapter(ben, random_adapter(2))
    assert _ask(node, 3, ann).cached_tokens == 0
    assert _ask(node, 3, ben).cached_tokens == 0
    node.unload_adapter(ben)
    assert _ask(node, 3, ann).cached_tokens == 0
