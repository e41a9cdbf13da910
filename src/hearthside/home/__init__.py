"""The one smart-home client: Home Assistant's states in as a source, and confirmed actions out by action class."""

from hearthside.home.actions import ActionClass, ActionResult, HomeAction, action_class, undo_of
from hearthside.home.client import HomeAssistant
from hearthside.home.states import NAME, TITLE, EntityState, event_from_state
from hearthside.home.subscription import Subscription

__all__ = [
    "NAME",
    "TITLE",
    "ActionClass",
    "ActionResult",
    "EntityState",
    "HomeAction",
    "HomeAssistant",
    "Subscription",
    "action_class",
    "event_from_state",
    "undo_of",
]
