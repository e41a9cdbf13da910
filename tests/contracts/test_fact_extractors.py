"""What every extractor of facts must hold: evidence that lives, none of an AI, nothing of the future."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hearthside.events import DAY_MS, Event, Json, Layer, Origin, Precision, Trust, day_number, day_start_ms, ms_of
from hearthside.intake import Importer
from hearthside.journal import Journal
from hearthside.memory.facts.annotation import Finding, annotation_event
from hearthside.memory.facts.extractors import Ground, extractor_names, load_extractor
from hearthside.memory.facts.fact import Fact
from hearthside.memory.knowing import Knowing
from hearthside.sample_life import DEFAULT_SEED, generate
from hearthside.sources.reading import Reading
from tests.alignment.lives import KEY, Vault, open_vault
from tests.memory.known_lives import FIRST, at, known_life, said, slept, trained

LAST = "2026-11-18"
WORDS = "I have been dreaming of a little boat for years"
_MODELS = ("hearthside.inference", "hearthside.companion", "torch", "transformers")


def _day(day: int, kind: str, text: str = "", origin: Origin = Origin.DEVICE, **payload: Json) -> Event:
    return Event(
        "test", kind, Layer.BEHAVIOURAL, day_start_ms(FIRST) + day * DAY_MS, origin, Trust.OWN, payload, clock="test",
        text=text, precision=Precision.DAY,
    )  # fmt: skip


def records() -> list[Event]:
    """Something for every extractor that the sample life says nothing of, through most of the year."""
    own = said(40, WORDS, key="boat")
    found = [_day(day, "weight_day", weight=80 - day / 100) for day in range(0, 310, 2)]
    found += [_day(day, "coding_time_day", "Python", languages=[["Python", 7200]]) for day in range(300)]
    found += [trained(day) for day in range(1, 315, 7)] + [slept(day, -1.0) for day in range(200, 280)]
    found += [_day(9, "contact", "Ida", name="Ida", birthday="05-03", relation="aunt")]
    found += [said(20, "I live in Utrecht", key="u"), said(21, "I'm allergic to nuts", by="Ida", key="i"), own]
    found += [said(day, "Das ist nicht so einfach", key=f"de{day}") for day in range(0, 310, 5)]
    start = WORDS.index("a little boat")
    return [
        *found,
        annotation_event("m#1", [own.id], [Finding(own.id, start, start + 13, "plans", "a little boat")], at(50)),
    ]


class Rich:
    """A life with something for every extractor."""

    def __init__(self, folder: Path) -> None:
        sample = generate(folder / "files", seed=DEFAULT_SEED, last_day=date.fromisoformat(LAST))
        self.life: Vault = open_vault(folder, lambda: ms_of(sample.now))
        zone = ZoneInfo(sample.zone)
        self.life.zones.append(zone)
        reading = Reading(zone, frozenset(name.casefold() for name in sample.self_names))
        importer = Importer(self.journal, lambda: ms_of(sample.now), reading, lambda progress: None, lambda: False)
        importer.import_paths([folder / "files"])
        self.life.take(*records())
        self.knowing = Knowing(folder, KEY, self.life.stream, self.journal, lambda: ms_of(sample.now))

    def ground(self, day: int) -> Ground:
        """What is known at the beginning of a local day; the home zone's offset is not looked at."""
        known = self.knowing
        return Ground(self.life.stream, self.life.journal, known.tallies(), known._statements(), day, day * DAY_MS)

    def facts(self, name: str, day: int | None = None) -> list[Fact]:
        """What one extractor finds."""
        return load_extractor(name).extract(self.ground(day_number(LAST) + 1 if day is None else day))

    @property
    def journal(self) -> Journal:
        return self.life.journal


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rich]:
    opened = Rich(tmp_path_factory.mktemp("rich"))
    yield opened
    opened.journal.close()


@pytest.mark.parametrize("name", extractor_names())
def test_it_says_what_it_is(name: str) -> None:
    extractor = load_extractor(name)
    assert name == extractor.NAME
    assert extractor.TITLE[0].isupper() and not extractor.TITLE.endswith(".")
    assert isinstance(extractor.KINDS, frozenset)


@pytest.mark.parametrize("name", extractor_names())
def test_it_calls_no_model(name: str) -> None:
    tree = ast.parse(inspect.getsource(sys.modules[load_extractor(name).__name__]))  # type: ignore[attr-defined]
    imported = {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert not [module for module in imported if module.startswith(_MODELS)]


@pytest.mark.parametrize("name", extractor_names())
def test_every_fact_rests_on_living_records_and_none_of_an_ai(rich: Rich, name: str) -> None:
    facts = rich.facts(name)
    assert facts
    for fact in facts:
        stored = rich.journal.get(fact.evidence)
        assert fact.evidence and len(stored) == len(fact.evidence)
        assert all(not (isinstance(s.record, Event) and s.record.origin is Origin.AI) for s in stored.values())
        assert {span.id for span in fact.spans} <= set(fact.evidence)


@pytest.mark.parametrize("name", extractor_names())
def test_every_fact_is_well_formed(rich: Rich, name: str) -> None:
    facts = rich.facts(name)
    assert len({fact.id for fact in facts}) == len(facts)
    for fact in facts:
        assert fact.extractor == name
        assert fact.value and fact.sentence.endswith("”" if fact.said_by else ".")
        assert 0 < fact.sure <= 1
        assert not fact.valid_to or fact.valid_from <= fact.valid_to
        assert all(len(day) == 10 for day in (fact.valid_from, fact.valid_to) if day)


@pytest.mark.parametrize("name", extractor_names())
def test_it_finds_the_same_again(rich: Rich, name: str) -> None:
    assert rich.facts(name) == rich.facts(name)


@pytest.mark.parametrize("name", sorted(set(extractor_names()) - {"home_and_work", "contacts"}))
def test_nothing_of_the_future_is_known(rich: Rich, name: str) -> None:
    """A place's role and a contact are known by the whole life; of what they rest on the next test tells."""
    day = day_number(FIRST) + 250
    for fact in rich.facts(name, day):
        assert fact.valid_from < FIRST[:4] + "-09-12" or not fact.valid_from
        first = rich.journal.get(fact.evidence[:1])[fact.evidence[0]].record
        assert first.start_ms < day * DAY_MS


@pytest.mark.parametrize("name", extractor_names())
def test_an_empty_life_has_no_facts(tmp_path: Path, name: str) -> None:
    with known_life(tmp_path) as life:
        ground = Ground(life.vault.stream, life.vault.journal, {}, [], day_number(LAST), day_start_ms(LAST))
        assert load_extractor(name).extract(ground) == []
