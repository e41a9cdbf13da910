"""Compute nodes of the demonstration house: three that are paired, one to find, and one code that is right."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hearthside.errors import Refused, RetryLater
from hearthside.web.nodes_views import FoundView, NodeRow, NodesView
from tests.web.demo_day import at

CODE = "7K3M-9QTD-2XVA"
ADDRESS = "192.168.1.31:8421"
PLUGS = [("switch.study_plug", "Study plug"), ("switch.lamp", "Lamp"), ("switch.shelf", "switch.shelf")]
_DAY = "2026-03-31"


ALL = ("embed", "transcribe", "read_picture")


def node(number: int, name: str, phase: str, sentence: str, model: str, parameters: int, pace: float | None) -> NodeRow:
    """One paired node of the demonstration."""
    return NodeRow(
        f"{number:016x}", name, f"192.168.1.{20 + number}:8421", phase, sentence, at(_DAY, "18:02"), f"{_DAY}T18:02",
        model, parameters, pace, False, "2026-02-11T20:15", "", "", ALL if number == 1 else ("embed",) * (number == 2),
    )  # fmt: skip


def local_node(chosen: bool) -> NodeRow:
    """The node of this machine."""
    sentence = "It answers as long as no other node does."
    return NodeRow(
        "", "this machine", "", "ready", sentence, at(_DAY, "08:00"), f"{_DAY}T08:00", "SmolLM2-135M-Instruct",
        135_000_000, 31.4, chosen, "", "", "", ALL,
    )  # fmt: skip


@dataclass
class DemoNodes:
    """Plays the nodes' desk of the real house."""

    scenario: str = "full"
    canary: str = ""
    nodes: list[NodeRow] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.scenario in ("empty", "alone"):
            return
        power = "Last switched off and on at 18:00 on 31 March 2026, after 2 minutes of silence (1 of 3 that day)."
        away = "It has not answered since 18:02; it is asked again every few seconds."
        study = node(
            1, f"{self.canary}Study", "ready", "It answers.", "Qwen2.5-7B-Instruct-Q4_K_M", 7_615_616_512, 24.2
        )
        cellar = node(2, f"{self.canary}Old laptop", "ready", "It would answer if the study fell silent.",
                      "Qwen2.5-1.5B-Instruct", 1_543_714_304, 3.6)  # fmt: skip
        attic = replace(node(3, f"{self.canary}Attic", "down", away, "Llama-3.1-8B-Instruct", 8_030_261_312, None),
                        plug="switch.study_plug", power=power)  # fmt: skip
        if self.scenario == "down":
            study = replace(study, phase="down", sentence=away, pace=None)
        self.nodes = [study, cellar, attic]

    def view(self) -> NodesView:
        ready = [row for row in self.nodes if row.phase == "ready"]
        if not ready:
            sentence = f"{self.canary}This machine answers: no other node is paired."
            return NodesView(list(self.nodes), local_node(True), sentence)
        best = max(ready, key=lambda row: ((row.pace or 0) >= 5, row.parameters))
        sentence = f"{best.name} answers: of the nodes that are as fast as you read, its model is the largest."
        return NodesView([replace(row, chosen=row is best) for row in self.nodes], None, sentence)

    def find(self) -> list[FoundView]:
        if self.scenario == "hostile":
            return [FoundView("<i>", '"><script>window.hacked=3</script>', 1, True)]
        return [FoundView("5b1f2c3d4e5f6071", "192.168.1.31", 8421, True), FoundView("9" * 16, "fe80::1", 8421, False)]

    def pair(self, address: str, code: str, name: str) -> NodeRow:
        if address != ADDRESS:
            raise RetryLater(
                "pairing-unreachable", f"Nothing answers at {address}. Nothing was sent; check the address."
            )
        if code != CODE:
            raise Refused(
                "pairing-code-wrong", "The code is wrong. Nothing was paired; look at the other machine again."
            )
        number = len(self.nodes) + 1
        made = node(number, name or f"Node {number}", "starting", "It is asked how fast it is.", "", 0, None)
        self.nodes.append(made)
        return made

    def revoke(self, node_id: str) -> None:
        self.nodes = [row for row in self.nodes if row.id != self._of(node_id).id]

    def set_plug(self, node_id: str, entity: str) -> None:
        if entity == "switch.lamp":
            raise Refused("plug-not-usable", "Lamp is a lamp in this demonstration. Nothing was chosen.")
        one = self._of(node_id)
        self.nodes = [replace(row, plug=entity) if row is one else row for row in self.nodes]

    def plugs(self) -> list[tuple[str, str]]:
        if self.scenario == "down":
            raise RetryLater("home-not-ready", "Home Assistant does not answer. Try later.")
        return [(entity, self.canary + name) for entity, name in PLUGS]

    def _of(self, node_id: str) -> NodeRow:
        found = next((row for row in self.nodes if row.id == node_id), None)
        if found is None:
            raise Refused("node-unknown", "There is no such node; nothing was changed.")
        return found
