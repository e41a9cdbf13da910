"""One piece of JSON as a value that can be kept without losing any of it."""

from __future__ import annotations

import json
import re

import orjson

from hearthside.events import Json

_DEPTH_TO_CHECK = 250  # orjson reads 1,024 levels but writes only 254
_KEY_END = re.compile(rb'"\s*:')
_LONG_NUMBER = re.compile(rb"[\s:,\[](?:-\d{19}|\d{20})")  # outside of a text; may be beyond 64 bits
_ANY_DIGIT_TO_0 = bytes.maketrans(b"123456789", b"000000000")
_LONG_RUN = b"0" * 19  # the shortest run of digits that may be beyond 64 bits, with a sign
_SPACES = b" \t\r\n"


def exact_object(raw: bytes, what: str = "line") -> dict[str, Json]:
    """A JSON object, whole.

    Args:
        what: what the piece is called in a message.

    Raises:
        ValueError: says in plain words why it cannot be kept whole: it is not JSON, no object, nested too deeply, has
            the same name twice in one object, or a number that would be rounded.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"this {what} is not JSON: {error.msg}") from error
    if not isinstance(value, dict):
        raise ValueError(f"this {what} is not a JSON object")
    objects = raw.count(b"{")
    if objects + raw.count(b"[") > _DEPTH_TO_CHECK:
        try:
            orjson.dumps(value)
        except TypeError as error:
            raise ValueError(f"this {what} is nested too deeply to be kept") from error
    # orjson keeps the last of two equal names and rounds whole numbers beyond 64 bits; both would lose data silently.
    if _may_have_long_number(raw) or _may_repeat_a_name(raw, value, objects):
        _strict_json(raw, what)
    return value


def _may_have_long_number(raw: bytes) -> bool:
    """False only when there is no number beyond 64 bits; a look for a run of digits spares the slower pattern."""
    return _LONG_RUN in raw.translate(_ANY_DIGIT_TO_0) and _LONG_NUMBER.search(raw) is not None


def _may_repeat_a_name(raw: bytes, value: dict[str, Json], objects: int) -> bool:
    """False only when no object names a field twice: then there are no more ends of names than names that were kept.

    Args:
        objects: how many objects there are at most (braces that open).
    """
    kept = len(value) if objects == 1 else _key_count(value)
    # Without spaces every name ends in these two; texts may too, which only means a slower look.
    return raw.translate(None, _SPACES).count(b'":') != kept and len(_KEY_END.findall(raw)) != kept


def _key_count(value: Json) -> int:
    """How many names all objects in a value have together."""
    count = 0
    if isinstance(value, dict):
        count = len(value)
        for part in value.values():
            if isinstance(part, dict | list):
                count += _key_count(part)
    # A list of plain values (1,440 minutes) is not walked: were there an object later in it, the count would be too
    # low, and a count that does not fit only means a slower look.
    elif value and isinstance(value[0], dict | list):
        for part in value:
            if isinstance(part, dict | list):
                count += _key_count(part)
    return count


def _strict_json(raw: bytes, what: str) -> None:
    def unique_names(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError(f"this {what} has the same field name twice in one object")
        return found

    def exact_whole(digits: str) -> int:
        if len(digits) > 20 or not -(2**63) <= int(digits) < 2**64:
            raise ValueError(f"this {what} has a whole number beyond 64 bits")
        return int(digits)

    try:
        json.loads(raw, object_pairs_hook=unique_names, parse_int=exact_whole)
    except RecursionError as error:
        raise ValueError(f"this {what} is nested too deeply to be kept") from error
