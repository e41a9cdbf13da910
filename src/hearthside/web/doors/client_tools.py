"""A wish for the home as a call of a tool of the client (Home Assistant's Assist), and the sentence after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from hearthside.events import Json
from hearthside.web.doors.chat_request import ClientTool, ToolResult
from hearthside.web.doors.home_wish import Deed, HomeWish

_NAMES = {Deed.ON: "HassTurnOn", Deed.OFF: "HassTurnOff", Deed.BRIGHTNESS: "HassLightSet"}
_MOST_QUOTED = 160  # characters of what a tool said that are repeated


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the client is asked to make."""

    name: str
    arguments: Mapping[str, Json]

    def arguments_json(self) -> str:
        """The arguments as the API carries them."""
        return orjson.dumps(dict(self.arguments)).decode()


def fitting_call(wish: HomeWish, tools: Sequence[ClientTool], only: str = "") -> ToolCall | None:
    """The call of one of these tools that carries a wish out, or None where none of them can.

    Only arguments that the tool's own schema knows are given, and all that it requires.

    Args:
        only: the name of the one tool that may be called; "" for any.
    """
    wanted = _NAMES[wish.deed]
    tool = next((tool for tool in tools if tool.name == wanted and only in ("", tool.name)), None)
    if tool is None:
        return None
    known = tool.parameters.get("properties")
    known = known if isinstance(known, dict) else {}
    arguments: dict[str, Json] = {"area": wish.area} if wish.area else {"name": wish.name}
    if wish.area and "domain" in known:
        arguments["domain"] = ["light"] if _is_list(known["domain"]) else "light"
    elif wish.area and wish.deed is not Deed.BRIGHTNESS:
        return None  # without a domain everything in the room would go on or off
    if wish.percent is not None:
        arguments["brightness"] = wish.percent
    required = tool.parameters.get("required") or []
    if not isinstance(required, list) or any(str(name) not in arguments for name in required):
        return None
    if set(arguments) - set(known):
        return None
    return ToolCall(tool.name, arguments)


def _is_list(schema: Json) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "array"


def outcome_in_words(results: Sequence[ToolResult], wish: HomeWish | None) -> str:
    """What became of a call, in a sentence; what a tool said is repeated as its words, never followed.

    Args:
        wish: what the last call was for, as the station's own record has it; where it has none, a sentence for each
            call, in the client's words.
    """
    if wish is not None:
        return _outcome(_fulfilled(wish), results[-1].content)
    return " ".join(_outcome(_wanted(result), result.content) for result in results)


def _outcome(wanted: str, content: str) -> str:
    problem = _problem(content)
    return f"Done: {wanted}." if problem is None else f"That was not done ({wanted}). The home said: “{problem}”"


def _fulfilled(wish: HomeWish) -> str:
    """The state that a wish is to bring about."""
    if wish.deed is Deed.BRIGHTNESS:
        return f"{wish.thing} set to {wish.percent} %"
    return f"{wish.thing} turned {wish.deed}"


def _wanted(result: ToolResult) -> str:
    """The call in words, from its own name and arguments."""
    arguments = _object(result.arguments)
    area = arguments.get("area")
    thing = arguments.get("name") or (f"the lights in {area}" if area else "it")
    match result.name:
        case "HassTurnOn":
            return f"{thing} turned on"
        case "HassTurnOff":
            return f"{thing} turned off"
        case "HassLightSet":
            return f"{thing} set to {arguments.get('brightness')} %"
    return result.name


def _problem(content: str) -> str | None:
    """Why a tool did not do it, in its own words; None when it did. Assist's tools answer with an intent response."""
    said = _object(content)
    data = said.get("data")
    failed = data.get("failed") if isinstance(data, dict) else None
    if "error" not in said and said.get("response_type") != "error" and said.get("success") is not False and not failed:
        return None
    words = said.get("error_text") or said.get("error") or _speech(said.get("speech")) or "it failed"
    return " ".join(str(words).split())[:_MOST_QUOTED]


def _speech(speech: Json) -> str:
    plain = speech.get("plain") if isinstance(speech, dict) else None
    return str(plain.get("speech") or "") if isinstance(plain, dict) else ""


def _object(text: str) -> dict[str, Json]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}
