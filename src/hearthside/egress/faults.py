"""What went wrong on the way out: errors of the network libraries, as errors that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from hearthside.errors import HearthsideError, NeedsPerson, Refused, RetryLater

OF_REQUESTS: tuple[type[Exception], ...] = (httpx.TransportError, httpx.StreamError)
OF_WEBSOCKETS: tuple[type[Exception], ...] = (ConnectionClosed, WebSocketException, OSError)


@contextmanager
def mapped(destination: str, foreign: tuple[type[Exception], ...] = OF_REQUESTS) -> Iterator[None]:
    """The one seam where foreign network errors become ours."""
    try:
        yield
    except HearthsideError:
        raise
    except InvalidStatus as error:
        code = error.response.status_code
        check_status(code, 300 <= code < 400, destination)
        raise unreachable(destination, error) from error
    except foreign as error:
        raise unreachable(destination, error) from error


def unreachable(destination: str, error: Exception) -> RetryLater:
    """Nobody was reached, or the connection broke."""
    return RetryLater(
        "egress-unreachable",
        f"{destination} cannot be reached ({type(error).__name__}). Nothing was lost; it can be tried again later.",
    )


def check_status(status: int, redirected: bool, destination: str) -> None:
    """Raises NeedsPerson for refused credentials, Refused where the answer points elsewhere."""
    if status in (401, 403):
        raise NeedsPerson(
            "egress-not-allowed",
            f"{destination} did not accept the credentials (HTTP {status}). Check the token or key, then try again.",
        )
    if redirected:
        raise Refused(
            "egress-redirected",
            f"{destination} points to another address (HTTP {status}); Hearthside never follows. "
            "Enter the final address in the settings.",
        )
