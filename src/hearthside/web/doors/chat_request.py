"""What a chat completion request asks for: read strictly where it would change the answer's meaning, else leniently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hearthside.events import Json

_ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})
MOST_WORDS = 4000  # characters of a question; searching for many more words keeps everybody else waiting
_MOST_QUOTED = 60  # characters of an id that are repeated
_TASK_SIGN = "### Task:"  # how Open WebUI begins what it asks for itself: titles, tags, follow-up questions


class BadRequest(Exception):
    """Why a request is not answered, in OpenAI's terms; the message is for the person."""

    def __init__(self, message: str, param: str | None = None, code: str = "invalid_value", status: int = 400) -> None:
        super().__init__(message)
        self.message, self.param, self.code, self.status = message, param, code, status


@dataclass(frozen=True, slots=True)
class ClientTool:
    """A function the client can carry out itself; `parameters` is its JSON Schema."""

    name: str
    parameters: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a client's function said, with the name and the arguments it was called with."""

    call_id: str
    name: str
    arguments: str
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A chat completion request, as far as it matters here.

    Attributes:
        question: the person's last words.
        earlier: the last exchange before them (question, answer), or None in a new conversation.
        results: what the client's functions said, where the request ends with that.
        must_call: the client insists on a call: the name of the function, or "" for any; None where it does not.
        tools: what it can carry out; empty too where it forbids calls.
    """

    model: str
    question: str
    earlier: tuple[str, str] | None
    results: tuple[ToolResult, ...]
    tools: tuple[ClientTool, ...]
    must_call: str | None
    stream: bool
    include_usage: bool


def read_chat_request(body: Mapping[str, Json]) -> ChatRequest:
    """The request in a JSON object.

    System and developer messages are wishes about form; they never say what is true or what may be read, and nothing in
    here reads them. Of the rest only the last user message counts, with the exchange before it (see
    `hearthside.web.doors.chat_routes`).

    Raises:
        BadRequest: it is none, it asks for what Hearthside does not do, or its question is no person's.
    """
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise BadRequest("Name a model; GET /v1/models lists them.", "model", "missing_required_parameter")
    _check_meaning(body)
    messages = _messages(body.get("messages"))
    asked = max((i for i, one in enumerate(messages) if one["role"] == "user"), default=None)
    if asked is None:
        raise BadRequest("There is no user message, so there is no question.", "messages")
    tools, must_call = _tools(body)
    options = body.get("stream_options")
    return ChatRequest(
        model=model,
        question=_question(messages[asked], asked),
        earlier=_earlier(messages[:asked]),
        results=_results(messages[asked + 1 :]),
        tools=tools,
        must_call=must_call,
        stream=body.get("stream") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
    )


def _check_meaning(body: Mapping[str, Json]) -> None:
    """Refuse what would make the answer something else than was asked for. What only tunes a model (temperature,
    top_p, penalties, seed, stop, limits) changes nothing here, since facts come from plain code."""
    form = body.get("response_format")
    refusals = (
        (body.get("n") not in (None, 1), "n", "There is one answer to a question; ask with n = 1."),
        (
            form is not None and not (isinstance(form, dict) and form.get("type") == "text"),
            "response_format",
            "Answers are words; a JSON form cannot be promised. Ask without response_format.",
        ),
        (bool(body.get("logprobs")), "logprobs", "Answers have no token probabilities: most are computed or quoted."),
        (bool(body.get("functions")), "functions", "Functions are outdated; send them as tools."),
        (body.get("modalities") not in (None, ["text"]), "modalities", "Answers are words only."),
    )
    for wrong, param, message in refusals:
        if wrong:
            raise BadRequest(message, param, "unsupported_value")


def _messages(value: Json) -> list[dict[str, Json]]:
    if not isinstance(value, list) or not value:
        raise BadRequest("messages must be a list with at least one message.", "messages")
    for i, one in enumerate(value):
        role = one.get("role") if isinstance(one, dict) else None
        if not isinstance(role, str) or role not in _ROLES:
            roles = ", ".join(sorted(_ROLES))
            raise BadRequest(f"A message is an object with a role out of {roles}.", f"messages[{i}].role")
    return value


def _question(message: Mapping[str, Json], place: int) -> str:
    text = _words(message.get("content"), f"messages[{place}].content").strip()
    if not text:
        raise BadRequest("The last user message is empty.", f"messages[{place}].content")
    if len(text) > MOST_WORDS:
        raise BadRequest(
            f"A question has at most {MOST_WORDS:,} characters; nothing was kept. Let the client send your words "
            "alone, without documents.",
            f"messages[{place}].content", "string_above_max_length",
        )  # fmt: skip
    if text.startswith(_TASK_SIGN):
        raise BadRequest(
            "This is a task of the client's program, not a question of the person; nothing was kept. Let the client "
            "use another model for titles, tags and follow-ups, or turn them off.",
            f"messages[{place}].content",
            "not_a_question",
        )
    return text


def _words(content: Json, param: str) -> str:
    """The words of a message; parts are put together line by line.

    Raises:
        BadRequest: it holds something else than words.
    """
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise BadRequest("The content of a message is text, or a list of text parts.", param)
    lines = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind != "text" or not isinstance(part.get("text"), str):
            raise BadRequest(
                "Only text is read here: no images, sounds or files. Nothing was kept; ask in words.",
                param, "unsupported_content",
            )  # fmt: skip
        lines.append(part["text"])
    return "\n".join(lines)


def _any_words(content: Json) -> str:
    """The words of an earlier message, whatever else it holds."""
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        return "\n".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) else ""


def _earlier(messages: Sequence[Mapping[str, Json]]) -> tuple[str, str] | None:
    """The last thing the assistant said, and the question before it."""
    answers = [i for i, one in enumerate(messages) if one["role"] == "assistant" and _any_words(one.get("content"))]
    if not answers:
        return None
    asked = [one for one in messages[: answers[-1]] if one["role"] == "user"]
    answer = _any_words(messages[answers[-1]].get("content"))
    return (_any_words(asked[-1].get("content")), answer) if asked else None


def _results(after: Sequence[Mapping[str, Json]]) -> tuple[ToolResult, ...]:
    """What functions said after the last question, each with its call.

    Raises:
        BadRequest: the request ends with words of the assistant, or a result has no call.
    """
    calls: dict[str, tuple[str, str]] = {}
    results = []
    for one in after:
        if one["role"] == "assistant":
            calls |= _calls(one)
        elif one["role"] == "tool":
            identity = str(one.get("tool_call_id"))
            if identity not in calls:
                words = f"No call here has the id “{identity[:_MOST_QUOTED]}”."
                raise BadRequest(words, "messages", "invalid_tool_call_id")
            results.append(ToolResult(identity, *calls[identity], _any_words(one.get("content"))))
    if not results and any(one["role"] == "assistant" for one in after):
        raise BadRequest("The last message must be the user's or a function's result.", "messages")
    return tuple(results)


def _calls(message: Mapping[str, Json]) -> dict[str, tuple[str, str]]:
    """Name and arguments of the calls in a message of the assistant, by id."""
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list):
        raise BadRequest("tool_calls must be a list.", "messages")
    found = {}
    for call in calls:
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict):
            found[str(call.get("id"))] = str(function.get("name")), str(function.get("arguments"))
    return found


def _tools(body: Mapping[str, Json]) -> tuple[tuple[ClientTool, ...], str | None]:
    tools = body.get("tools") or []
    choice = body.get("tool_choice")
    if not isinstance(tools, list):
        raise BadRequest("tools must be a list.", "tools")
    found = []
    for i, tool in enumerate(tools):
        function = tool.get("function") if isinstance(tool, dict) and tool.get("type") == "function" else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise BadRequest("A tool here is a function with a name.", f"tools[{i}]", "unsupported_value")
        parameters = function.get("parameters")
        found.append(ClientTool(function["name"], parameters if isinstance(parameters, dict) else {}))
    if choice == "none":
        return (), None
    if choice in (None, "auto"):
        return tuple(found), None
    if choice == "required":
        return tuple(found), ""
    function = choice.get("function") if isinstance(choice, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not any(tool.name == name for tool in found):
        raise BadRequest("tool_choice names no tool of this request.", "tool_choice")
    return tuple(found), str(name)
