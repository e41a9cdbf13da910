"""Home actions from the life: one proposal, done only after a tap, and only once.

The stand-in answers for Home Assistant, which the end-to-end tests start for real; here it only records.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from hearthside.companion.home_understanding import HomeDesk, propose
from hearthside.errors import NeedsPerson, Refused, RetryLater
from hearthside.events import Origin
from hearthside.home import ActionClass, ActionResult, EntityState, HomeAction, HomeAssistant
from tests.companion.lives import Life, event, night, open_life


def light(name: str, state: str = "on", **attributes: object) -> EntityState:
    return EntityState(f"light.{name}", state, {"friendly_name": name.title(), **attributes}, 0, "c")


@dataclass
class Recorder:
    """What Home Assistant would be asked to do."""

    lights: list[EntityState] = field(default_factory=lambda: [light("kitchen")])
    done: list[HomeAction] = field(default_factory=list)
    undone: list[ActionResult] = field(default_factory=list)
    error: Exception | None = None

    def states(self) -> list[EntityState]:
        if isinstance(self.error, RetryLater):
            raise self.error
        return self.lights

    def act(self, action: HomeAction, confirmed: bool) -> ActionResult:
        assert confirmed
        if self.error is not None:
            raise self.error
        self.done.append(action)
        before = self.lights[0]
        return ActionResult(action, ActionClass.A, 0, "ctx", before, None, HomeAction(action.entity_id, "turn_on", {}))

    def undo(self, result: ActionResult, confirmed: bool) -> ActionResult:
        assert confirmed
        self.undone.append(result)
        return result


def desk(life: Life, home: Recorder | None) -> HomeDesk:
    gives = cast(Callable[[], HomeAssistant | None], lambda: home)
    return HomeDesk(life.journal, life.stream, gives, life.clock)


def _away(life: Life) -> None:
    life.add(event("region_leave", "2026-03-18 16:00", "Home", region="Home"))


def test_a_light_left_on(life: Life) -> None:
    _away(life)
    found = propose(life.context, [light("porch", "off"), light("kitchen"), light("hall")])
    assert found is not None
    assert (found.action, found.text, found.reason) == (
        HomeAction("light.hall", "turn_off"), "Hall is on. Turn it off?", "You are not at home.",
    )  # fmt: skip
    assert [o.kind for o in found.evidence] == ["region_leave"]


@pytest.mark.parametrize(("text", "away"), [("Ann home", False), ("Ann away", True), ("Ann not home", True)])
def test_the_home_itself_may_know(life: Life, text: str, away: bool) -> None:
    life.add(event("state", "2026-03-18 16:00", text, entity="person.ann", state=text))
    assert (propose(life.context, [light("kitchen")]) is not None) is away


def test_back_home_nothing_is_proposed(life: Life) -> None:
    _away(life)
    life.add(event("region_enter", "2026-03-18 16:30", "Home", region="Home"))
    assert propose(life.context, [light("kitchen")]) is None
    assert propose(life.context, []) is None


def test_being_at_work_is_not_being_at_home(life: Life) -> None:
    life.add(
        event("region_leave", "2026-03-18 08:00", "Home", region="Home"),
        event("region_enter", "2026-03-18 08:30", "Work", region="Work"),
    )
    assert propose(life.context, [light("kitchen")]) is not None
    life.add(
        event("region_leave", "2026-03-18 16:00", "Work", region="Work"),
        event("region_enter", "2026-03-18 16:30", "Home", region="Home"),
    )
    assert propose(life.context, [light("kitchen")]) is None


def test_leaving_work_after_coming_home_late_is_no_leaving_of_home(life: Life) -> None:
    life.add(
        event("region_enter", "2026-03-18 16:30", "Home", region="Home"),
        event("region_leave", "2026-03-18 16:40", "Gym", region="Gym"),
    )
    assert propose(life.context, [light("kitchen")]) is None


def test_asleep_with_the_light_on(life: Life) -> None:
    life.add(event("sleep", "2026-03-18 16:00", minutes=120))
    found = propose(life.context, [light("kitchen")])
    assert found is not None
    assert found.reason == "You are asleep."


def test_dim_in_the_evening_after_a_short_night(life: Life) -> None:
    life.add(*(night(f"2026-03-{day:02d}", 7.5) for day in range(8, 18)), night("2026-03-18", 3.5))
    bright = [light("kitchen", brightness=200)]
    assert propose(life.context, bright) is None
    life.clock.forward(4)
    found = propose(life.context, bright)
    assert found is not None
    assert found.action == HomeAction("light.kitchen", "turn_on", {"brightness_pct": 30})
    assert propose(life.context, [light("kitchen", brightness=90)]) is None


def test_done_only_after_a_tap_and_only_once(life: Life) -> None:
    _away(life)
    home = Recorder()
    (proposal,) = desk(life, home).proposals()
    assert (proposal.state, home.done) == ("proposed", [])
    tapped = desk(life, home)
    done = tapped.confirm(proposal.id)
    assert (done.state, done.can_undo) == ("done", True)
    assert tapped.confirm(proposal.id).state == "done"
    assert home.done == [HomeAction("light.kitchen", "turn_off", {})]
    assert tapped.undo(proposal.id).state == "undone"
    assert len(home.undone) == 1
    with pytest.raises(Refused):
        tapped.undo(proposal.id)
    with pytest.raises(Refused):
        tapped.confirm(proposal.id)
    assert len(home.done) == 1


def test_dismissed_is_dismissed(life: Life) -> None:
    _away(life)
    home = Recorder()
    (proposal,) = desk(life, home).proposals()
    desk(life, home).dismiss(proposal.id)
    with pytest.raises(Refused):
        desk(life, home).confirm(proposal.id)
    assert [p.state for p in desk(life, home).proposals()] == ["dismissed"]
    assert home.done == []


def test_an_old_proposal_is_gone(life: Life) -> None:
    _away(life)
    home = Recorder()
    (proposal,) = desk(life, home).proposals()
    life.clock.forward(3)
    with pytest.raises(Refused):
        desk(life, home).confirm(proposal.id)
    assert home.done == []


def test_one_proposal_for_one_situation_also_after_a_restart(tmp_path: Path) -> None:
    life = open_life(tmp_path)
    _away(life)
    home = Recorder([light("kitchen"), light("porch")])
    first = desk(life, home).proposals()
    life.journal.close()
    again = open_life(tmp_path)
    again.clock.forward(0.1)
    assert desk(again, home).proposals() == first
    assert len(first) == 1
    assert len(list(again.journal.read(kinds=["proposal"]))) == 1
    again.journal.close()


def test_what_is_refused_is_recorded_as_refused(life: Life) -> None:
    _away(life)
    home = Recorder()
    (proposal,) = desk(life, home).proposals()
    home.error = Refused("home-action-class-c", "Locks are never moved from here.")
    with pytest.raises(Refused):
        desk(life, home).confirm(proposal.id)
    assert desk(life, home).proposals()[0].state == "refused"


def test_a_home_that_is_away_can_be_asked_again(life: Life) -> None:
    _away(life)
    home = Recorder()
    (proposal,) = desk(life, home).proposals()
    home.error = RetryLater("home-away", "Home Assistant is away; nothing was done.")
    with pytest.raises(RetryLater):
        desk(life, home).confirm(proposal.id)
    home.error = None
    assert desk(life, home).confirm(proposal.id).state == "done"


def test_without_a_home_nothing_is_proposed(life: Life) -> None:
    _away(life)
    assert desk(life, None).proposals() == []
    away = Recorder(error=RetryLater("home-away", "away"))
    assert desk(life, away).proposals() == []
    (proposal,) = desk(life, Recorder()).proposals()
    with pytest.raises(NeedsPerson):
        desk(life, None).confirm(proposal.id)


def test_only_proposals_can_be_confirmed(life: Life) -> None:
    _away(life)
    other = next(iter(life.journal.read(kinds=["region_leave"]))).id.hex()
    for name in (other, "00" * 16, "no hex"):
        with pytest.raises(Refused):
            desk(life, Recorder()).confirm(name)
        with pytest.raises(Refused):
            desk(life, Recorder()).dismiss(name)


def test_what_was_done_is_the_persons_decision(life: Life) -> None:
    _away(life)
    home = Recorder()
    tapped = desk(life, home)
    tapped.confirm(tapped.proposals()[0].id)
    origins = {item.record.kind: item.record.origin for item in life.journal.read(kinds=["proposal", "home_action"])}  # type: ignore[union-attr]
    assert origins == {"proposal": Origin.AI, "home_action": Origin.SELF}
