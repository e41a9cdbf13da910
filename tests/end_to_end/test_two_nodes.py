"""Two compute nodes on two machines: the bigger one answers, dies, the other takes over, the first comes back."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hearthside.app.house import House
from hearthside.app.nodes import USUAL_PORT
from hearthside.app.station import open_house
from hearthside.errors import Refused, RetryLater
from hearthside.events import Event
from hearthside.inference.backend import Message
from hearthside.inference.pool import NodePool
from hearthside.inference.shelf import embedded_path
from hearthside.web.nodes_views import NodeRow
from tests.app.helpers import settings_in
from tests.end_to_end.namespaces import Machine, machine
from tests.inference.model_files import fewer_layers
from tests.until import until

_CODE = re.compile(r"(?:[0-9A-Z] ){3}[0-9A-Z]   (?:[0-9A-Z] ){3}[0-9A-Z]   (?:[0-9A-Z] ){3}[0-9A-Z]")
_LONG = "root ::= [a-z ]{1900}"  # no answer ends before it is cut
_TALK: list[Message] = [{"role": "user", "content": "Speak of the sea."}]


class Service:
    """`hearthside compute` on one machine, with a model and a folder that outlive its process."""

    def __init__(self, where: Machine, folder: Path, model: Path) -> None:
        self.where, self.folder, self.model = where, folder, model
        self.said, self.process = "", None  # type: str, subprocess.Popen[str] | None

    def start(self) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HEARTHSIDE_")}
        arguments = ["--folder", str(self.folder), "--model", str(self.model), "--context", "512"]
        self.said = ""
        self.process = subprocess.Popen(
            self.where.command(sys.executable, "-P", "-m", "hearthside.cli", "compute", *arguments),
            env={**kept, "COLUMNS": "100"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                self.said += line

    def code(self) -> str:
        until(lambda: _CODE.search(self.said) is not None or self._over(), "a pairing code")
        found = _CODE.search(self.said)
        assert found is not None, self.said
        return found[0]

    def _over(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def kill(self) -> None:
        """As if the plug were pulled, but for the network's own farewell; the model's process goes with it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Service]]:
    folder = tmp_path_factory.mktemp("machines")
    with ExitStack() as cleanup:
        made = {}
        for number, name in enumerate(("small", "big")):
            where = cleanup.enter_context(machine(number))
            model = embedded_path() if name == "big" else fewer_layers(embedded_path(), folder / "small.gguf", 6)
            made[name] = Service(where, folder / name, model)
            made[name].start()
            cleanup.callback(made[name].kill)
        yield made


def _pool(house: House) -> NodePool:
    assert house.outside.compute is not None
    return house.outside.compute


def _row(house: House, name: str) -> NodeRow:
    return next(row for row in house.nodes.view().nodes if row.name == name)


def _text(house: House) -> str:
    return "".join(_pool(house).node.complete(_TALK, max_tokens=6))


def _answering(house: House) -> str:
    return next((row.name for row in house.nodes.view().nodes if row.chosen), "")


def test_the_bigger_answers_dies_and_comes_back(services: dict[str, Service], tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with ExitStack() as closing:
        pairing = open_house(settings, with_compute=False)
        closing.callback(pairing.close)
        codes = {name: service.code() for name, service in services.items()}
        waiting = {(service.where.address, True) for service in services.values()}
        until(lambda: waiting <= {(one.host, one.pairing) for one in pairing.nodes.find()}, "both are found")
        with pytest.raises(Refused) as wrong:
            pairing.nodes.pair(services["big"].where.address, "0000-0000-0000", "big")
        assert wrong.value.code == "pairing-code-wrong"
        for name, service in services.items():
            row = pairing.nodes.pair(f"{service.where.address}:{USUAL_PORT}", codes[name], name)
            assert row.name == name and row.address == f"{service.where.address}:{USUAL_PORT}"
        house = open_house(settings)
        closing.callback(house.close)
        pool = _pool(house)
        assert pool.local is None  # nothing is loaded on this machine
        until(lambda: all(row.phase == "ready" for row in house.nodes.view().nodes), "both nodes")
        rows = {row.name: row for row in house.nodes.view().nodes}
        assert rows["big"].parameters > 2 * rows["small"].parameters > 0
        assert (rows["small"].pace or 0) > 0 and (rows["big"].pace or 0) >= 1
        _the_bigger_answers(house, services)
        _it_is_let_go_by_another_process(house, tmp_path)
        (left,) = pairing.nodes.look()  # as `hearthside nodes` asks: over a link of its own
        assert (left.name, left.phase) == (_answering(house), "ready") and left.pace


def _the_bigger_answers(house: House, services: dict[str, Service]) -> None:
    fast_enough = (_row(house, "big").pace or 0) >= 5  # under a heavy load of this machine it may not be
    until(lambda: not fast_enough or _answering(house) == "big", "the bigger one is chosen")
    first = _answering(house)
    second = "small" if first == "big" else "big"
    with _pool(house).node.complete(_TALK, max_tokens=400, grammar=_LONG) as answer:
        assert next(answer)
        services[first].kill()
        with pytest.raises(RetryLater):
            list(answer)
    until(lambda: _answering(house) == second, "the other takes over")
    assert _text(house) and _row(house, first).phase == "down"
    services[first].start()
    until(lambda: _row(house, first).phase == "ready", "it comes back")
    assert _text(house)
    kinds = {event.payload["data_class"] for event in _ledger(house)}
    assert {"pairing", "heartbeat", "prompt"} <= kinds


def _ledger(house: House) -> list[Event]:
    found = (item.record for item in house.rooms.journal.read(kinds=["ledger"]))
    return [event for event in found if isinstance(event, Event)]


def _it_is_let_go_by_another_process(house: House, folder: Path) -> None:
    """`hearthside nodes revoke`, while this process has it in use."""
    chosen = next(row for row in house.nodes.view().nodes if row.chosen)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEARTHSIDE_")}
    paths = {"VAULT": "vault", "KEY_FILE": "key", "HEADS_FOLDER": "heads"}
    settings = {f"HEARTHSIDE_{name}": str(folder / path) for name, path in paths.items()}
    command = [sys.executable, "-P", "-m", "hearthside.cli", "nodes", "revoke", chosen.id]
    subprocess.run(command, env=kept | settings, check=True, capture_output=True, timeout=90)
    until(lambda: _answering(house) not in ("", chosen.name), "the other one answers")
    assert _text(house) and chosen.id not in {row.id for row in house.nodes.view().nodes}
