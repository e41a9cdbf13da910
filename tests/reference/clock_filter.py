"""Slow reference of a clock's course: all states at once by weighted least squares, straight from the model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def course(
    at: Sequence[float], shift: Sequence[float | None], sigma: Sequence[float], walk: float, skew_prior: float
) -> tuple[Floats, Floats]:
    """(n, 2) the most likely shift and skew at each time, and (n, 2, 2) their covariances.

    The sum that is made smallest: misses of the measurements, of the skew at the first node (prior variance
    `skew_prior`), and of each step of the random walk, whose covariance over dt is
    walk * [[dt^3/3, dt^2/2], [dt^2/2, dt]]; each miss divided by its standard deviation.
    """
    n, hour = len(at), 3_600_000.0
    rows: list[Floats] = []
    wanted: list[float] = []

    def add(places: dict[int, float], value: float) -> None:
        row = np.zeros(2 * n)
        for place, factor in places.items():
            row[place] = factor
        rows.append(row)
        wanted.append(value)

    # Unknowns: shift in ms, skew in ms per hour, so that the numbers are of one size.
    add({1: 1 / (skew_prior**0.5 * hour)}, 0.0)
    for k, measured in enumerate(shift):
        if measured is not None:
            add({2 * k: 1 / sigma[k]}, measured / sigma[k])
    for k in range(n - 1):
        dt = (at[k + 1] - at[k]) / hour
        q = walk * hour**3 * np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]])
        white = np.linalg.inv(np.linalg.cholesky(q))  # turns the two misses of a step into independent ones
        for one in white:
            a, b = float(one[0]), float(one[1])
            add({2 * k: -a, 2 * k + 1: -a * dt - b, 2 * k + 2: a, 2 * k + 3: b}, 0.0)
    matrix = np.array(rows)
    solution = np.linalg.lstsq(matrix, np.array(wanted), rcond=None)[0].reshape(n, 2)
    covariance = np.linalg.inv(matrix.T @ matrix)
    scale = np.array([1.0, 1 / hour])
    blocks = np.array([covariance[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] for k in range(n)])
    return solution * scale, blocks * np.outer(scale, scale)
