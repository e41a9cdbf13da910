"""A house in which the processor seems to count its energy; runs in mounts of its own, see test_costs_rapl."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import orjson

from hearthside.app.station import open_house
from hearthside.events import Event
from tests.app.helpers import settings_in

WATTS = 50
RANGE_UJ = 65_532_610_987
_DOMAIN = Path("/sys/class/powercap/intel-rapl:0")


def _count(start_s: float) -> None:
    """The counter as it stands now; it begins anew two seconds after the start."""
    counted = (RANGE_UJ - 2_000_000 * WATTS + int((time.monotonic() - start_s) * 1_000_000 * WATTS)) % RANGE_UJ
    new = _DOMAIN / "new"
    new.write_text(f"{counted}\n")
    new.replace(_DOMAIN / "energy_uj")


def main() -> None:
    """Ask one question and print what it cost, as JSON."""
    _DOMAIN.mkdir(parents=True)
    (_DOMAIN / "name").write_text("package-0\n")
    (_DOMAIN / "max_energy_range_uj").write_text(f"{RANGE_UJ}\n")
    start_s, stop = time.monotonic(), threading.Event()
    _count(start_s)

    def run() -> None:
        while not stop.wait(0.005):
            _count(start_s)

    counting = threading.Thread(target=run)
    counting.start()
    house = open_house(settings_in(Path(sys.argv[1])))
    try:
        compute = house.outside.compute
        assert compute is not None and compute.wait_ready(60)
        list(house.ask("Good night, my friend!", "talk"))
        records = [item.record for item in house.rooms.journal.read(kinds=["cost"])]
        sys.stdout.buffer.write(orjson.dumps([r.payload for r in records if isinstance(r, Event)]))
    finally:
        house.close()
        stop.set()
        counting.join()


if __name__ == "__main__":
    main()
