"""The error tree: four families under one root, each with a stable code and a sentence for the person."""

from __future__ import annotations

import pytest

from hearthside.errors import ConfigError, HearthsideError, NeedsPerson, Refused, RetryLater
from scripts.docs_tables import codes

_FAMILIES = [RetryLater, NeedsPerson, Refused, ConfigError]


@pytest.mark.parametrize("family", _FAMILIES)
def test_an_error_carries_its_code_and_its_sentence(family: type[HearthsideError]) -> None:
    with pytest.raises(HearthsideError) as raised:
        raise family("disk-full", "The disk is full; nothing was lost. Make room and try again.")
    assert raised.value.code == "disk-full"
    assert str(raised.value) == raised.value.message == "The disk is full; nothing was lost. Make room and try again."


def test_the_families_are_apart_and_complete() -> None:
    assert set(HearthsideError.__subclasses__()) == set(_FAMILIES)


def test_every_code_belongs_to_one_family_and_speaks_in_sentences() -> None:
    found = codes()
    families: dict[str, set[str]] = {}
    for row in found:
        families.setdefault(row.code, set()).add(row.family)
    assert {code: names for code, names in families.items() if len(names) > 1} == {}
    spoken = [row.message for row in found if row.message not in ("", "…")]
    assert len(spoken) > 50
    assert [text for text in spoken if text.rstrip()[-1] not in ".…?:"] == []
