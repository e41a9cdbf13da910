"""Distances on the earth, for ways so short that a plane that touches it is exact."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

EARTH_M = 6_371_008.8
"""Mean radius of the earth, metres (IUGG)."""

DEGREE_M = math.pi / 180.0 * EARTH_M
"""Metres of one degree of latitude."""

Floats = npt.NDArray[np.float64]


def wrapped(degrees: float) -> float:
    """A longitude, or a difference of two, in [-180, 180)."""
    return (degrees + 180.0) % 360.0 - 180.0


def metres(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Metres between two points, on the plane that touches the earth at the second."""
    east = wrapped(lon - other_lon) * math.cos(math.radians(other_lat))
    return math.hypot(lat - other_lat, east) * DEGREE_M


def distances_m(lat: Floats, lon: Floats, other_lat: Floats | float, other_lon: Floats | float) -> Floats:
    """The same of arrays; shapes as NumPy broadcasts them."""
    east = ((lon - other_lon + 180.0) % 360.0 - 180.0) * np.cos(np.radians(other_lat))
    found: Floats = np.hypot(lat - other_lat, east) * DEGREE_M
    return found
