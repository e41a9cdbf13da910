"""The few building blocks of a live page: native HTML elements with our own style instead of ready-made widgets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from markupsafe import Markup
from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement


def native(name: str, cls: str = "", /, **attributes: object) -> ui.element:
    """A plain HTML element to put others into; underscores in attribute names are hyphens."""
    element = ui.element(name)
    if cls:
        element.classes(cls)
    for key, value in attributes.items():
        element.props[key.rstrip("_").replace("_", "-")] = value
    return element


def text(words: str, name: str = "p", cls: str = "") -> TextElement:
    """An element that holds text only; the browser never parses it as HTML."""
    element = TextElement(tag=name, text=words)
    if cls:
        element.classes(cls)
    return element


def html(content: Markup, name: str = "div", cls: str = "") -> ui.html:
    """Markup built by markup.py or drawing.py: escaped there, and cleaned once more by DOMPurify in the browser."""
    element = ui.html(content, sanitize=True, tag=name)
    if cls:
        element.classes(cls)
    return element


def button(words: str, on_click: Callable[[], Awaitable[None] | None], cls: str = "", label: str = "") -> TextElement:
    """A button; `label` says more to screen readers than its words do."""
    element = text(words, "button", f"button {cls}".strip())
    element.props["type"] = "button"
    if label:
        element.props["aria-label"] = label
    element.on("click", lambda _: on_click())
    return element


def set_disabled(element: ui.element, disabled: bool) -> None:
    """Switch a button or field off and on."""
    if disabled:
        element.props["disabled"] = True
    else:
        element.props.pop("disabled", None)
    element.update()
