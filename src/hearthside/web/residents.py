"""Who lives here: each resident's house and keys, and whose a link, a cookie or an API token is.

A household is several vaults with keys of their own, served by one process. Nothing here knows a "current" or a
default resident: a request is somebody's because of what it carries, or it is nobody's and is turned away.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from starlette.types import ASGIApp

from hearthside.errors import ConfigError
from hearthside.identity.tokens import TokenBook
from hearthside.web.house import House

ID_AT = slice(3, 11)  # where the id stands in the text of an API token


@dataclass(frozen=True, slots=True)
class Resident:
    """One person of the household.

    Attributes:
        house: what the pages of this person show and do.
        token: the token in this person's link; None lets everybody on this machine in, for a person who lives alone.
        zone: the zone for times that carry no offset of their own; None is the zone of this machine.
        name: what the pages call this person where several live here.
        tokens: gives this person's API tokens as they are now; None where there are none.
        capture: answers ``/api/events`` for this person; checks tokens itself.
    """

    house: House
    token: str | None = None
    zone: tzinfo | None = None
    name: str = ""
    tokens: Callable[[], TokenBook] | None = None
    capture: ASGIApp | None = None

    @property
    def key(self) -> str:
        """Names this person in cookies and pages: the same over restarts, and telling nothing of the token."""
        return hashlib.sha256(b"hearthside resident\0" + (self.token or "").encode()).hexdigest()[:12]

    def made(self, token: str) -> bool:
        """Whether the id in an API token is one of this person's; the secret in it is not looked at."""
        identity = token[ID_AT]
        return self.tokens is not None and any(one.id == identity for one in self.tokens().tokens())

    @property
    def proof(self) -> str:
        """What the cookie of this person's browser holds."""
        return cookie_proof(self.token or "")


def cookie_proof(token: str) -> str:
    """What the cookie holds: a value derived from the token, so that the cookie does not give the link away."""
    return hashlib.sha256(b"hearthside page cookie\0" + token.encode()).hexdigest()


class Household:
    """All residents of one station.

    Raises:
        ConfigError: nobody lives here, or several do and one of them has no token, or shares one.
    """

    def __init__(self, residents: Sequence[Resident]) -> None:
        self.residents = tuple(residents)
        tokens = {resident.token for resident in self.residents}
        alike = self.several and (None in tokens or len(tokens) < len(self.residents))
        if not self.residents or alike or "" in tokens:
            raise ConfigError(
                "residents-not-told-apart",
                "Each person who lives here needs a link with a token of their own; nothing was served.",
            )

    @property
    def several(self) -> bool:
        """Whether pages must say whose they are."""
        return len(self.residents) > 1

    @property
    def open_to(self) -> Resident | None:
        """The one who lives here without a token; None where tokens are asked for."""
        return self.residents[0] if self.residents[0].token is None else None

    def of_link(self, token: str) -> Resident | None:
        """Whose link carries this token; every resident is compared, so that the time taken tells nothing."""
        return self._of(token, lambda resident: resident.token or "")

    def of_cookie(self, value: str) -> Resident | None:
        """Whose browser holds this cookie."""
        return self._of(value, lambda resident: resident.proof)

    def of_bearer(self, token: str) -> Resident:
        """Whose book an API token is to be looked up in. One that nobody made is refused, and counted, by the first."""
        return next((one for one in self.residents if self.several and one.made(token)), self.residents[0])

    def _of(self, given: str, secret_of: Callable[[Resident], str]) -> Resident | None:
        found = None
        for resident in self.residents:
            if resident.token is not None and hmac.compare_digest(given.encode(), secret_of(resident).encode()):
                found = resident
        return found
