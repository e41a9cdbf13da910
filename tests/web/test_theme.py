"""The look: contrast of text in light and dark (WCAG 2.2 AA), and nothing loaded from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import hearthside.web.server as server

CSS = (server.STATIC / "theme.css").read_text()
LAYERS = ("text", "visual", "auditory", "behavioural", "environmental", "residential")
GROUNDS = ("paper", "card")
PAIRS = [
    *[(ink, ground) for ink in ("ink", "quiet", "ember", *LAYERS) for ground in GROUNDS],
    *[("ink", f"{layer}-soft") for layer in LAYERS],
    *[(name, f"{name}-soft") for name in ("good", "warn", "bad", "text")],
    ("ember-ink", "ember"),
    ("ink", "ember-soft"),
    ("ink", "sunk"),
    ("quiet", "sunk"),
]


def colours(scheme: str) -> dict[str, str]:
    """Variables of a scheme; dark ones replace light ones."""
    blocks = re.findall(r":root \{(.*?)\}", CSS, re.S)
    assert len(blocks) == 2
    found: dict[str, str] = {}
    for block in blocks[: 1 if scheme == "light" else 2]:
        found |= dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))
    return found


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(scheme: str) -> None:
    known = colours(scheme)
    weak = {}
    for ink, ground in PAIRS:
        high, low = sorted((luminance(known[ink]), luminance(known[ground])), reverse=True)
        ratio = (high + 0.05) / (low + 0.05)
        if ratio < 4.5:
            weak[f"{ink} on {ground}"] = round(ratio, 2)
    assert weak == {}


def test_static_files_name_no_other_place() -> None:
    for path in Path(server.STATIC).iterdir():
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|//[a-z0-9-]+\.[a-z]+/|@import|@font-face", text), path.name
