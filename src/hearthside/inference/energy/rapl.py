"""The energy counter of Intel and AMD processors (RAPL, running average power limit) as Linux shows it.

``/sys/class/powercap/intel-rapl:N`` is one domain; those named ``package-…`` are whole processors. Domains inside a
package (``intel-rapl:N:M``: cores, memory) and the platform (``psys``), which holds the packages, would count twice.
Source: Linux, Documentation/power/powercap; David et al. 2010, "RAPL: memory power estimation and capping".
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from hearthside.inference.energy.meters import Absent, Reading, Said

NAME = "RAPL"
_ROOT = Path("/sys/class/powercap")
_MICRO = 1_000_000  # microjoules in a joule


@dataclass(slots=True)
class _Package:
    """One processor: its counter as last read, and where that begins anew, microjoules."""

    counter: Path
    range_uj: int
    last_uj: int


class Rapl:
    """Joules of all processors of this machine.

    A counter begins anew after ``max_energy_range_uj`` (262 kJ on most processors, 66 kJ on some: 44 or 11 minutes at
    100 W). One new beginning between two readings is seen, so read it more often than that.
    """

    def __init__(self, root: Path = _ROOT) -> None:
        """Counts from now on.

        Args:
            root: the folder of the domains.
        """
        self._lock = threading.Lock()
        self._uj = 0
        self._packages: list[_Package] = []
        self._why = self._find(root)

    def _find(self, root: Path) -> str:
        """Look for packages; returns why none can be read, or ""."""
        try:
            for domain in sorted(root.glob("intel-rapl:*")):
                if domain.name.count(":") == 1 and (domain / "name").read_text().startswith("package"):
                    counter = domain / "energy_uj"
                    limit = _number(domain / "max_energy_range_uj")
                    self._packages.append(_Package(counter, limit, _number(counter)))
        except PermissionError:
            return (
                "The processor counts its energy (RAPL), but only root may read it here; docs/costs.md says how to"
                " let the node read it."
            )
        except (OSError, ValueError):
            return "The processor’s energy counter (RAPL) cannot be read."
        return "" if self._packages else "This machine shows no energy counter of its processor (RAPL)."

    def read(self) -> Said:
        """See `EnergyMeter`."""
        if self._why:
            return Absent(NAME, self._why)
        with self._lock:
            try:
                now = [_number(package.counter) for package in self._packages]
            except (OSError, ValueError):
                return Absent(NAME, "The processor’s energy counter (RAPL) cannot be read just now.")
            for package, counted in zip(self._packages, now, strict=True):
                passed = counted - package.last_uj
                self._uj += passed if passed >= 0 else passed + package.range_uj
                package.last_uj = counted
            count = len(self._packages)
            covers = "the whole processor package" if count == 1 else f"all {count} processor packages"
            return Reading(self._uj / _MICRO, NAME, f"{covers}, idle included")


def _number(path: Path) -> int:
    """A whole number of 0 or more in a file; raises OSError or ValueError."""
    found = int(path.read_text())
    if found < 0:
        raise ValueError(found)
    return found
