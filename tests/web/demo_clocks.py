"""The clocks of the demonstration house, all invented: some well known, one in 1970, two of one name."""

from __future__ import annotations

from hearthside.web.clock_views import ClockRow, ClocksView, DecidedRange, HeldGroup
from tests.web.demo_day import at

DAY = 86_400_000


def demo_clocks(scenario: str, canary: str, last_day: str) -> ClocksView:
    """A house with a watch that lost its clock; a new house that has heard of nothing (``empty``)."""
    if scenario == "empty":
        return ClocksView([], [], [])
    heard = at(last_day, "21:38")
    clocks = [
        ClockRow("glasses", "2.4 s slow, known to 0.02 s.", "12,408 times", heard),
        ClockRow("phone", "Right to 0.05 s.", "31,077 times", heard),
        ClockRow("watch", "Wrong; what it recorded is listed below.", "9,210 times", heard, True),
        ClockRow("doorbell", "Not compared with this station’s clock; taken at its word.", "never", heard),
        ClockRow("Last.fm", "2 h fast, known to 24 min, found by comparing it with Oura sleep.", "", None),
    ]
    lost = HeldGroup(
        "device:watch", -DAY, 9 * 3_600_000, f"{canary}watch",
        "The clock of “watch” said 1 January 1970 when it was 31 March 2026: it had started from the date it was made"
        " with.",
        1_284, 63_000, 8 * 3_600_000 + 1_000, at(last_day, "06:02") + 2_345,
        ((63_000, "heart rate"), (4 * 3_600_000, "Walk along the river"), (8 * 3_600_000 + 1_000, "heart rate")),
    )  # fmt: skip
    two = HeldGroup(
        "device:tablet", at("2026-03-29", "10:00"), at("2026-03-30", "22:00"), "tablet",
        "Two devices seem to call their clock “tablet”: on 29 March 2026 it was by turns right and 4 min 3 s slow. Give"
        " each of them a name of its own.",
        37, at("2026-03-29", "10:04"), at("2026-03-30", "21:50"), None,
        ((at("2026-03-29", "10:04"), "Maps"), (at("2026-03-30", "21:50"), "Paper Boats – Lanterns")),
    )  # fmt: skip
    kept = HeldGroup(
        "device:glasses", 946_684_800_000, 946_771_200_000, "glasses", "You asked to keep this out.", 1,
        946_684_860_000, 946_684_860_000, None, ((946_684_860_000, "A menu on a wooden table."),), True,
    )  # fmt: skip
    said = DecidedRange(
        "device:phone", 0, DAY, "phone",
        "What phone recorded on 1 January 1970 by its own clock is moved 56 years 3 months later.",
    )  # fmt: skip
    return ClocksView(clocks, [lost, two, kept], [said])
