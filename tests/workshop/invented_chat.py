"""An invented chat between two people, one of whom has habits of writing that a model can learn."""

from __future__ import annotations

import random

from hearthside.events import Origin
from hearthside.workshop.job import Message, TrainingSample, context, own_words

_OPENERS = "hiya|right so|ooh|ok ok|honestly|nah|yep|wait".split("|")
_THINGS = "the allotment|the choir|my bike|the tram|that soup|the kiln|nan's roof|the late shift".split("|")
_STATES = "is doing my head in|went well i reckon|can wait til sunday|is proper lovely|needs sorting tbh".split("|")
_PLANS = "ill pop round after tea|gonna have a lie down|shall we say half six|bring the big pan|il ring u l8r".split(
    "|"
)
_ENDS = "xx|haha x|x|ta x|😅 x".split("|")
_QUESTIONS = "How are things with you?|What about tonight?|Did you see my message?|Any news today?".split("|")
_REPLIES = "I was thinking about the weekend.|That sounds good.|I will be late, sorry.|The weather is awful.".split("|")


def invented_chat(count: int, seed: int) -> list[Message]:
    """A chat with `count` messages of the person, each after one or two of somebody else."""
    choose = random.Random(seed).choice
    messages: list[Message] = []
    for number in range(count):
        messages.append(context(choose(_QUESTIONS)))
        if number % 3 == 0:
            messages.append(context(choose(_REPLIES)))
        words = f"{choose(_OPENERS)} {choose(_THINGS)} {choose(_STATES)}, {choose(_PLANS)} {choose(_ENDS)}"
        messages.append(own_words(words))
    return messages


def as_samples(messages: list[Message], stretch: int = 12) -> list[TrainingSample]:
    """Stretches of conversation in which each own message is a target."""
    pieces = [messages[start : start + stretch] for start in range(0, len(messages), stretch)]
    return [TrainingSample(tuple(piece)) for piece in pieces if any(message.weight for message in piece)]


def with_context(messages: list[Message], before: int = 3) -> list[tuple[tuple[Message, ...], str]]:
    """Each own message with the messages just before it, none of them a target."""
    plain = [context(message.text, Origin.SELF if message.weight else Origin.PERSON) for message in messages]
    return [
        (tuple(plain[max(0, place - before) : place]), message.text)
        for place, message in enumerate(messages)
        if message.weight
    ]
