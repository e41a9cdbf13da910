"""Everything the guard does, in plain sentences for the page and the command line."""

from __future__ import annotations

from collections.abc import Sequence

from hearthside.inference.guard.messages import Message
from hearthside.inference.guard.policy import Rung
from hearthside.inference.guard.readings import GIB

_MIB = 2**20
_TAKEN = {
    "locked": "kept in memory",
    "last": "the last that the system would end",
    "first": "run before other programs",
}
_LIMITS = {
    "group": "the system itself limits the memory of the model's process",
    "data": "the system itself limits what the model's process can ask for",
    "first": "it is the first that the system would end",
}


def amount(size: int) -> str:
    """Bytes for people: ``2.5 GiB``, ``340 MiB``."""
    return f"{size / GIB:.1f} GiB" if size >= GIB else f"{round(size / _MIB)} MiB"


def span(seconds: float) -> str:
    """Seconds for people: ``8 seconds``, ``1 minute``, ``7 minutes``."""
    if seconds < 90:
        whole = max(1, round(seconds))
        return f"{whole} second{'s' * (whole != 1)}"
    return f"{round(seconds / 60)} minutes"


def shed(told: Message) -> str:
    """What a rung did, and who made it necessary as far as that was seen."""
    left = f"{amount(int(told['available']))} of memory were left"
    match told["rung"]:
        case Rung.REFUSE:
            who = _who({**told, "cause": "room"}) if "fell" in told else ""
            return f"{left}: new questions to the language model and new loads wait. {who}".strip()
        case Rung.CACHES:
            return f"{left}: what the model can compute again was given back."
        case Rung.MODELS:
            return f"{left}: side models were unloaded."
        case _:
            return f"{left}: the language model was ended to keep the machine alive."


def ended(told: Message) -> str:
    """Why the engine was ended, and who took the memory as far as that was seen."""
    return f"{_why(told)} The guard ended the language model so that the machine would not freeze. {_who(told)}".strip()


def _why(told: Message) -> str:
    left = amount(int(told["available"]))
    match told["cause"]:
        case "room":
            return f"Only {left} of memory were left."
        case "speed":
            fall = int(told["fall"])
            seconds = span(int(told["available"]) / fall) if fall else "a moment"
            return f"Memory fell by {amount(fall)} a second: with {left} left, there was time for {seconds}."
        case "stall":
            return f"The machine stood still for want of memory, with {left} left."
        case _:
            return "An answer had given no sign of life for minutes."


def by_outsider(told: Message) -> bool:
    """Whether most of the memory went somewhere else than into the engine."""
    return told["cause"] in ("room", "speed", "stall") and 2 * int(told["grew"]) < int(told["fell"])


def _who(told: Message) -> str:
    if told["cause"] == "silence":
        return ""
    fell, grew, other = int(told["fell"]), int(told["grew"]), int(told["other_grew"])
    if not by_outsider(told):
        return f"The model itself had taken {amount(grew)} of it." if grew > 0 else ""
    if told["other"] and 2 * other >= fell:
        return f"It was not the model: {told['other']} took {amount(other)}."
    return (
        "It was not the model as far as can be seen: no single program took it. A graphics driver or many small "
        "programs can."
    )


def refused(why: str, need: int, largest: int, floor: int, total: int, rests_s: float, *, beside: bool = False) -> str:
    """Why a load was not admitted, and what would help; `beside`: it was that of a model beside the language model."""
    who = "A model beside the language model" if beside else "The language model"
    again = "Ask again" if beside else "It starts by itself"
    match why:
        case "too-large":
            return (
                f"{who} needs {amount(need)}, and of the {amount(total)} of this machine at most {amount(largest)} can "
                "be given to it without a risk that it freezes. Set a smaller model_path or fewer context_tokens."
            )
        case "short":
            return (
                f"{who} needs {amount(need)}, and {amount(largest)} can be given to it just now: {amount(floor)} are "
                f"kept free so that the machine cannot freeze. {again} when there is room; closing a large program "
                "helps."
            )
        case "loading":
            return f"Another model is being loaded; one loads at a time. {again} after that."
        case "pressed":
            again = again if beside else "The language model starts by itself"
            return f"Memory is short just now. {again} when there is room again."
        case _:
            return (
                f"The language model had to be ended too often in a short time; loading rests for {span(rests_s)}. "
                f"{again} then. Set a smaller model_path or fewer context_tokens if this comes back."
            )


def calmed(told: Message) -> str:
    """Shedding is over."""
    return f"There is room again, {amount(int(told['available']))}, after {span(float(told['seconds']))}."


def late(told: Message) -> str:
    """The guard did not run."""
    return f"The memory guard itself was not let run for {span(float(told['seconds']))}; the machine was held up."


def stuck(told: Message) -> str:
    """A killed engine that stays."""
    return (
        f"The language model was killed and is still there after {span(float(told['seconds']))}: it hangs inside the "
        "system, most likely in a driver. If this does not end, restart that machine; nothing is lost by it."
    )


PRESSED = (
    "Memory is short on the machine of the language model, so new questions to it wait until there is room again. "
    "What you said is kept; everything else works."
)
GONE = "The language model ended, and what was to be loaded beside it was not. Ask again when it is back."
AWAY = "The memory guard ended unexpectedly and is being started again; no model is loaded until it is back."
UNWATCHED = (
    "Memory is not watched on this system: it does not say how much is left. A model that is too large can make the "
    "machine stand still."
)
BROKEN = (
    "Memory is not watched: the memory guard cannot run on this system, it ended by itself each time it was started. "
    "The model is used all the same, and one that is too large can make the machine stand still. Starting Hearthside "
    "again tries it anew."
)


def watching(soft: int, hard: int, available: int, every_s: float) -> str:
    """What the guard does now."""
    return (
        f"Memory is watched {_often(every_s)}: {amount(available)} are left. Below {amount(soft)} new work waits, "
        f"below {amount(hard)} the model is ended."
    )


def _often(every_s: float) -> str:
    times = round(1 / every_s)
    return "once a second" if times <= 1 else f"{times} times a second"


def protections(taken: Sequence[str], limits: Sequence[str]) -> str:
    """How guard and engine are set up, as far as this system allows."""
    own = [_TAKEN[name] for name in taken if name in _TAKEN]
    engine = [_LIMITS[name] for name in limits if name in _LIMITS]
    parts = [f"The guard is {', '.join(own)}." if own else "The guard has no special rights on this system."]
    if engine:
        parts.append(f"{'; '.join(engine).capitalize()}.")
    return " ".join(parts)
