"""The evaluation gate: an adapter is promoted only if the person's own future messages are less surprising with it.

Measured in bits per character on messages the job never held, with the very GGUF that is served and the exported
adapter, in a child process at home; the workshop's word counts for nothing. One public-domain text guards against
forgetting: it may get at most 1 % worse.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from hearthside.errors import Refused
from hearthside.night.likelihood import paired_bootstrap

GENERAL_NAME = "Jane Austen, Pride and Prejudice (1813), the opening"
GENERAL_SHA256 = "c7a9a4ce2b748459d730cc11dfca3b793f3af8d64b9f6f31cb819626aaf3f5cf"
GENERAL_WORSE_AT_MOST = 0.01  # relative
MIN_HELD_OUT = 20  # messages; fewer say nothing about a week
_SEED = 1

Bits = npt.NDArray[np.float64]
_UNIT = "bits a character"


@dataclass(frozen=True, slots=True)
class Measured:
    """What the likelihood child measured for one model.

    Attributes:
        bits: (n,) bits of each held-out message.
        general: bits per character of the general text.
    """

    bits: Bits
    general: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Promote or keep, why in one sentence, and the figures (bits per character; gains with 90 % bounds)."""

    promote: bool
    reason: str
    figures: dict[str, float]


def general_text() -> str:
    """The named general text.

    Raises:
        Refused: the file is not the one the gate was set with.
    """
    raw = files("hearthside.night").joinpath("general_text.txt").read_bytes()
    if hashlib.sha256(raw).hexdigest() != GENERAL_SHA256:
        raise Refused("general-text-changed", "The general text of the gate was changed, so nothing can be promoted.")
    return raw.decode()


def judge(chars: npt.NDArray[np.int64], base: Measured, new: Measured, previous: Measured | None) -> Verdict:
    """Whether the new adapter may be served.

    Args:
        chars: (n,) characters of each held-out message.
        previous: the adapter served now, None when the base is.
    """
    gain = paired_bootstrap(base.bits, new.bits, chars, _SEED)
    general = new.general / base.general - 1
    total = float(chars.sum())
    figures = {
        "base": float(base.bits.sum()) / total,
        "new": float(new.bits.sum()) / total,
        "gain": gain.mean,
        "gain_low": gain.low,
        "gain_high": gain.high,
        "general_base": base.general,
        "general_new": new.general,
        "general_change": general,
        "held_out": float(len(chars)),
    }
    checks = [
        (len(chars) >= MIN_HELD_OUT, f"there are only {len(chars)} messages of the last week to judge it by"),
        (gain.low > 0, f"your last week is no less surprising with it than with the base ({gain.mean:+.3f} {_UNIT})"),
    ]
    if previous is not None:
        than = paired_bootstrap(previous.bits, new.bits, chars, _SEED)
        figures["previous"] = float(previous.bits.sum()) / total
        figures |= {"gain_on_previous": than.mean, "gain_on_previous_low": than.low, "gain_on_previous_high": than.high}
        checks.append((than.low > 0, f"it is no better than the one you have ({than.mean:+.3f} {_UNIT})"))
    forgot = f"it forgot ordinary English: {general:+.1%} on {GENERAL_NAME}"
    checks.append((general <= GENERAL_WORSE_AT_MOST, forgot))
    failed = [sentence for holds, sentence in checks if not holds]
    if failed:
        return Verdict(False, f"Not promoted: {'; '.join(failed)}.", figures)
    return Verdict(
        True,
        f"Promoted: your last week is {gain.mean:.2f} {_UNIT} less surprising than with the base"
        f" (90 % interval {gain.low:.2f} to {gain.high:.2f}).",
        figures,
    )
