"""The model dies in the middle of answers, again and again: what is lost, what stays exact, how long anybody waits.

Run: ``.venv/bin/python benchmarks/outage.py [--smoke] [--kills N] [--trees N] [--nodes N]``. A real station (its own
process, journal on the disk, supervisor with the embedded model) is asked by four clients over HTTP; half of their
questions have exact keys (`outage_life.py`). Then, each time in the middle of an answer:

1. the model process is killed with SIGKILL (100 times in full),
2. the station's whole child tree is: model process, memory guard, and all that they started (10 times),
3. a node of its own, `hearthside compute`, paired with the station, is: the service, its model process and its guard
   (20 times); it is started again at once, as a service manager does it.

The last line is one JSON object: `lost` (interactions that are not in the journal as the client saw them),
`computed_exact` (share of the computable questions that were answered with their key), `worst_answer_s` (the longest
that anybody waited because of a kill, see `_wait`),
`unmarked` (answers from then that neither say what is missing nor miss nothing), `recovery_over_load_s` (the longest
time from a kill until the model has answered, less the median time that loading takes, measured in the same run: of a
model process by itself while nobody asks, or of the service until it says that its model answers),
`recovery_over_load_median_s`, `load_s`, `node_load_s`, `kills`, `asked`.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # it is run as a file

from benchmarks.outage_clients import Asked, Client, in_the_midst, lost
from benchmarks.outage_life import MadeLife, make_life
from benchmarks.outage_node import node_service
from benchmarks.outage_station import LOOK_S, Back, Station, load_s, station
from hearthside.app.station import open_house
from hearthside.config import Settings

SEED = 6
CLIENTS = 4
PROCESS, TREE, NODE = "model process", "child tree", "node of its own"
_MIDST_LIMIT_S = 60.0
_TOLD = 5
_LIVE_S = (0.5, 2.0)  # a node answers so long before it may be killed again


@dataclass(frozen=True, slots=True)
class Size:
    """How often each is killed, and how often loading alone is measured, before and again after.

    Attributes:
        kills: the model process.
        trees: the station's child tree.
        nodes: a node of its own.
    """

    kills: int
    trees: int
    nodes: int
    loads: int


FULL, SMOKE = Size(100, 10, 20, 3), Size(1, 1, 0, 1)


@dataclass(frozen=True, slots=True)
class Outage:
    """One kill: of what and when, `time.monotonic`, how the model came back, and what loading takes."""

    what: str
    killed_s: float
    back: Back
    load_s: float = 0.0

    @property
    def ready_s(self) -> float:
        """When the model answered again."""
        return self.back.ready_s

    @property
    def over_s(self) -> float:
        """Seconds from the kill until the model answered, less what loading takes by itself."""
        return self.ready_s - self.killed_s - self.load_s


def run(size: Size, folder: Path) -> dict[str, float]:
    """The whole programme in a folder; prints the table and returns the figures."""
    life, token = _vault(folder)
    with station(folder, token) as home, httpx.Client(trust_env=False, timeout=30.0) as http:
        home.wait_ready(http)
        loads = [load_s() for _ in range(size.loads)]
        with _clients(home, life) as clients:
            killed = [_outage_here(home, http, clients, what, n) for n, what in _told(_order(size))]
            of_node = _outages_of_a_node(home, http, clients, folder, size.nodes) if size.nodes else []
        loads += [load_s() for _ in range(size.loads)]
    load = statistics.median(loads)
    outages = [*(replace(one, load_s=load) for one in killed), *of_node]
    asked = [one for client in clients for one in client.asked]
    return _figures(folder, asked, outages)


def _vault(folder: Path) -> tuple[MadeLife, str]:
    """A vault with the life in it; the life, and a token that may ask and read."""
    life = make_life(datetime.now(tz=UTC).date() - timedelta(days=1), SEED)
    settings = Settings(vault=folder / "vault", key_file=folder / "key", heads_folder=folder / "heads")
    house = open_house(settings, with_compute=False)
    try:
        house.rooms.journal.append(life.events)
        house.keep_in_step()
        return life, house.access.make("outage", ["ask", "memory.read"])
    finally:
        house.close()


@contextmanager
def _clients(home: Station, life: MadeLife) -> Iterator[list[Client]]:
    stop = threading.Event()
    clients = [Client(home, life, f"client-{n:04}", SEED + n, stop) for n in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        yield clients
    finally:
        stop.set()
        for client in clients:
            client.join(_MIDST_LIMIT_S)


def _order(size: Size) -> list[str]:
    """What goes, for each kill of the station's children, well mixed."""
    order = [PROCESS] * size.kills + [TREE] * size.trees
    random.Random(SEED).shuffle(order)
    return order


def _told(order: Sequence[str]) -> Iterator[tuple[int, str]]:
    """What goes next, with its number; how far it is goes to standard error."""
    for number, what in enumerate(order):
        print(f"\rkill {number + 1} of {len(order)}: {what}      ", end="", file=sys.stderr, flush=True)
        yield number, what
    print(file=sys.stderr)


def _outage_here(home: Station, http: httpx.Client, clients: Sequence[Client], what: str, number: int) -> Outage:
    """Kill children of the station in the middle of an answer, and wait until the model answers again."""
    _reach_the_midst(clients, number)
    killed_s = time.monotonic()
    killed = home.kill(whole=what == TREE)
    return Outage(what, killed_s, home.wait_ready(http, besides=killed))


def _outages_of_a_node(
    home: Station, http: httpx.Client, clients: Sequence[Client], folder: Path, times: int
) -> list[Outage]:
    """Pair a node of its own with the running station, and kill the whole of it again and again."""
    killed = list[Outage]()
    with node_service(folder) as service:
        child = home.node
        service.pair(folder)
        service.note_load()
        home.wait_node(http, gone=child)
        for number, _ in _told([NODE] * times):
            _reach_the_midst(clients, number)
            killed_s = time.monotonic()
            service.kill()
            service.start()
            home.wait_away(http)
            killed.append(Outage(NODE, killed_s, home.wait_node(http)))
            service.note_load()
        load = statistics.median(service.loads[1:])
    return [replace(one, load_s=load) for one in killed]


def _reach_the_midst(clients: Sequence[Client], number: int) -> None:
    """Let the model live for a moment, and wait for an answer that it is in the middle of."""
    time.sleep(random.Random(SEED + number).uniform(*_LIVE_S))
    began = time.monotonic()
    while not in_the_midst(clients):
        if time.monotonic() - began > _MIDST_LIMIT_S:
            raise TimeoutError("no client waits for the model; the kill would hit no answer")
        time.sleep(LOOK_S / 5)


def _figures(folder: Path, asked: Sequence[Asked], outages: Sequence[Outage]) -> dict[str, float]:
    waited = [(one, end) for end in outages for one in asked if _is_within(one, end)]
    print(
        f"{'killed':16}{'times':>6}{'answers':>9}{'worst answer s':>16}{'back after s':>14}{'worst s':>9}{'load s':>8}"
    )
    loads = {}
    for what in (PROCESS, TREE, NODE):
        mine = [end for end in outages if end.what == what]
        if mine:
            answers = [_wait(*pair) for pair in waited if pair[1].what == what]
            back = [end.ready_s - end.killed_s for end in mine]
            loads[what] = mine[0].load_s
            print(
                f"{what:16}{len(mine):>6}{len(answers):>9}{max(answers, default=0):>16.2f}"
                f"{statistics.median(back):>14.2f}{max(back):>9.2f}{loads[what]:>8.2f}"
            )
    unmarked = [(one, end) for one, end in waited if _is_whole_within(one, end) and not one.is_marked]
    _tell("longest wait", sorted(waited, key=lambda pair: -_wait(*pair))[:_TOLD])
    _tell("not marked", unmarked[:_TOLD])
    computable = [one for one in asked if one.question.kind == "computed"]
    over = [end.over_s for end in outages]
    return {
        "lost": lost(folder, asked),
        "computed_exact": round(sum(one.is_exact for one in computable) / len(computable), 4),
        "worst_answer_s": round(max((_wait(*pair) for pair in waited), default=0.0), 2),
        "unmarked": len(unmarked),
        "recovery_over_load_s": round(max(over), 2),
        "recovery_over_load_median_s": round(statistics.median(over), 2),
        "load_s": round(loads.get(PROCESS, loads.get(TREE, 0.0)), 2),
        "node_load_s": round(loads.get(NODE, 0.0), 2),
        "kills": len(outages),
        "asked": len(asked),
    }


def _tell(what: str, chosen: Sequence[tuple[Asked, Outage]]) -> None:
    """Some questions and how they were answered; times from the kill."""
    for one, end in chosen:
        to_s = "never" if one.end_s is None else f"{one.end_s - end.killed_s:.2f}"
        by = one.answer.get("worded_by") or "plain code"
        print(
            f"{what}, {_wait(one, end):.2f} s ({end.what}): {one.question.kind}, asked {one.at_s - end.killed_s:.2f},"
            f" answered {to_s} by {by}, model back {end.ready_s - end.killed_s:.2f};"
            f" {one.error or one.answer.get('limited') or 'nothing is said to be missing'}"
        )


def _is_within(one: Asked, outage: Outage) -> bool:
    """Whether a question was on its way at some time while the node was away."""
    end_s = one.end_s if one.end_s is not None else float("inf")
    return one.at_s < outage.ready_s and end_s > outage.killed_s


def _is_whole_within(one: Asked, outage: Outage) -> bool:
    """Whether a question was put and answered while the node was away."""
    return one.at_s > outage.killed_s and one.end_s is not None and one.end_s < outage.back.away_s


def _wait(one: Asked, outage: Outage) -> float:
    """Seconds that somebody waited because of a kill.

    A question that was on its way waited from the kill to its whole answer. One that was put while the node was away
    waited until its answer, or until the model was back, from when on it waits for the model as ever.
    """
    end_s = one.end_s if one.end_s is not None else float("inf")
    if one.at_s > outage.killed_s and one.end_s is not None:
        end_s = min(end_s, outage.ready_s)
    return end_s - max(one.at_s, outage.killed_s)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the programme; the last line is JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--smoke", action="store_true", help="a small run, as the tests do it")
    for name, what in (("kills", PROCESS), ("trees", TREE), ("nodes", NODE)):
        parser.add_argument(f"--{name}", type=int, help=f"how often this is killed: {what}")
    given = parser.parse_args(arguments)
    size = SMOKE if given.smoke else FULL
    wanted = {name: getattr(given, name) for name in ("kills", "trees", "nodes")}
    size = replace(size, **{name: count for name, count in wanted.items() if count is not None})
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(run(size, Path(folder))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
