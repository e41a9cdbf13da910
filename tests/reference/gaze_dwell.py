"""Slow reference of gaze dwell: straight from the definition, trying every range."""

from __future__ import annotations

from collections.abc import Sequence


def dwells(targets: Sequence[str | None], step_ms: int) -> list[tuple[int, int]]:
    """Index ranges [start, end) of dwells: the earliest first, the longest from there, then on from its end."""
    found = []
    at = 0
    while at < len(targets):
        ends = [end for end in range(at + 1, len(targets) + 1) if is_dwell(targets[at:end], step_ms)]
        if ends:
            found.append((at, max(ends)))
            at = max(ends)
        else:
            at += 1
    return found


def is_dwell(part: Sequence[str | None], step_ms: int) -> bool:
    """Whether a range is a dwell on its first target."""
    target = part[0]
    if target is None or part[-1] != target or len(part) * step_ms < 3_000 or list(part).count(target) < 2:
        return False
    elsewhere = [label != target for label in part]
    longest_break = 1 if step_ms <= 1_000 else 0
    return not any(all(elsewhere[at : at + longest_break + 1]) for at in range(len(part) - longest_break))
