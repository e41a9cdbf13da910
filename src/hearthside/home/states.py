"""Home Assistant's states as a source: one journal event a change."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import datetime

from hearthside.events import Event, Json, Layer, Origin, Trust, ms_of
from hearthside.home.session import not_home_assistant

NAME = "home_assistant"
TITLE = "Home Assistant"


@dataclass(frozen=True, slots=True)
class EntityState:
    """The state of one entity as Home Assistant gives it.

    Attributes:
        updated_ms: when state or attributes last changed, UTC milliseconds.
        context_id: Home Assistant's id of what caused it.
        own: the change was caused by an action of this process.
    """

    entity_id: str
    state: str
    attributes: Mapping[str, Json]
    updated_ms: int
    context_id: str
    own: bool = False

    @property
    def domain(self) -> str:
        """The part before the dot: ``light``, ``lock`` ..."""
        return self.entity_id.partition(".")[0]

    @property
    def friendly_name(self) -> str:
        """What the person calls it."""
        return str(self.attributes.get("friendly_name") or self.entity_id.partition(".")[2].replace("_", " "))


def read_state(row: Json, own_contexts: Container[str]) -> EntityState:
    """The state in one object of Home Assistant's.

    Args:
        own_contexts: context ids of this process's own actions.

    Raises:
        ConfigError: this is no state, so what answered is no Home Assistant.
    """
    try:
        context = str((row.get("context") or {}).get("id") or "")
        updated = ms_of(datetime.fromisoformat(row["last_updated"]))
        own = context in own_contexts
        return EntityState(row["entity_id"], str(row["state"]), row["attributes"], updated, context, own)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise not_home_assistant() from error


def event_from_state(state: EntityState) -> Event:
    """The journal event of a state; the same state always gives the same event."""
    payload: dict[str, Json] = {
        "entity": state.entity_id,
        "state": state.state,
        "attributes": dict(state.attributes),
    }
    if isinstance(name := state.attributes.get("friendly_name"), str):
        payload["friendly_name"] = name
    return Event(
        source=NAME,
        kind="state",
        layer=Layer.RESIDENTIAL,
        start_ms=state.updated_ms,
        origin=Origin.DEVICE,
        trust=Trust.OWN,
        payload=payload,
        clock="device:home_assistant",
        text=f"{state.friendly_name} {state.state}",
    )
