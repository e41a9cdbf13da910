"""What a compute node on another machine remembers of the journal: given now and then, and believed over a rollback."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from hearthside.app.house import House
from hearthside.app.safekeeping import Safekeeper
from hearthside.errors import RetryLater
from hearthside.events import HOUR_MS, Event, Layer, Origin, Trust
from hearthside.inference.client import ComputeNode
from hearthside.inference.guard.keeper import GuardView, Keeper
from hearthside.inference.lines import Line
from hearthside.inference.side_models import Task
from hearthside.inference.supervisor import NodeState
from tests.app.helpers import NOW_MS, house_in


@dataclass
class _Far:
    """A compute node on another machine that remembers heads; each request adds a record, as the ledger does."""

    house: House
    heads: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    away: bool = False
    key: str = "start"
    base_sha256: str = ""
    model_name: str = ""
    model_bytes: int = 0
    pid: int | None = None

    def side(self, task: Task) -> ComputeNode:
        return self.node

    def __post_init__(self) -> None:
        self.node = ComputeNode(self._line, lambda: 0, elsewhere=True)

    def _line(self) -> Line:
        return self

    @contextmanager
    def open(self, method: str, path: str, body: bytes = b"", *, timeout_s: float) -> Iterator[httpx.Response]:
        self.house.rooms.journal.append([_note(1000 + self.house.rooms.journal.head().seq)])
        self.asked.append(method)
        if self.away:
            raise RetryLater("egress-unreachable", "nobody there")
        if method == "PUT":
            self.heads[path] = body
        yield httpx.Response(200, content=self.heads.get(path, b""))

    def broken(self) -> None:
        """Not of interest here."""

    def state(self) -> NodeState:
        return NodeState("ready", 0, "It is ready.")

    @property
    def keeper(self) -> Keeper:
        raise NotImplementedError

    def start(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError

    def wait_ready(self, timeout_s: float) -> bool:
        return True

    def tell(self, on_state: object) -> None:
        raise NotImplementedError

    def guard(self) -> GuardView:
        raise NotImplementedError

    def sync_adapters(self) -> None:
        raise NotImplementedError


def _note(number: int) -> Event:
    return Event(
        "test", "message", Layer.TEXT, NOW_MS - number, Origin.SELF, Trust.OWN, {"n": number}, clock="c", text="x"
    )


def _give(keeper: Safekeeper, house: House, number: int) -> None:
    house.rooms.journal.append([_note(number)])
    keeper.give_head()


def test_it_is_told_once_an_hour_and_telling_it_is_no_reason_to_tell_it_again(tmp_path: Path) -> None:
    now = [NOW_MS]
    with house_in(tmp_path, lambda: now[0]) as house:
        far = _Far(house)
        keeper = Safekeeper(house.rooms, far)
        _give(keeper, house, 1)
        assert far.asked == ["GET", "PUT"] and len(far.heads) == 1
        for number in range(2, 5):
            _give(keeper, house, number)
        keeper.give_head()
        assert far.asked == ["GET", "PUT"]
        assert [held.where for held in keeper.held()] == ["The compute node"]  # of this machine's folder
        now[0] += HOUR_MS
        _give(keeper, house, 5)
        assert far.asked == ["GET", "PUT"] * 2
        assert len(keeper.held()) == 2 and keeper.rolled_back == []


def test_one_that_is_away_keeps_nothing_from_going_on_and_is_not_asked_for_an_hour(tmp_path: Path) -> None:
    with house_in(tmp_path) as house:
        far = _Far(house, away=True)
        keeper = Safekeeper(house.rooms, far)
        _give(keeper, house, 1)
        _give(keeper, house, 2)
        assert len(far.asked) == 2 and keeper.rolled_back == [] and keeper.held()


def test_a_whole_machine_put_back_from_earlier_is_noticed_by_the_other_one(tmp_path: Path) -> None:
    """The vault and the folder of heads beside it are both as they were: only another machine can know better."""
    with house_in(tmp_path) as house:
        house.rooms.journal.append([_note(1)])
    shutil.copytree(tmp_path / "vault", tmp_path / "earlier")
    with house_in(tmp_path) as house:
        far = _Far(house)
        _give(Safekeeper(house.rooms, far), house, 2)
    for folder in ("vault", "heads"):
        shutil.rmtree(tmp_path / folder)
    shutil.copytree(tmp_path / "earlier", tmp_path / "vault")
    with house_in(tmp_path) as house:
        far.house = house
        keeper = Safekeeper(house.rooms, far)
        keeper.give_head()
        assert len(keeper.rolled_back) == 1 and "another machine" in keeper.rolled_back[0]
        keeper.accept_heads()
        assert keeper.rolled_back == []
        _give(keeper, house, 3)
        assert keeper.rolled_back == []
        again = Safekeeper(house.rooms, far)  # after the next start, too
        _give(again, house, 4)
        assert again.rolled_back == []
