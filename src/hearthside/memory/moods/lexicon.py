"""Words that carry a feeling, with their valence: a small list of our own, applied by plain rules.

The rules (negation within three words turns and weakens, intensifiers strengthen) follow VADER (Hutto & Gilbert, ICWSM
2014); the list is our own and small, its values 1 to 3 set by hand. It knows nothing of irony, and of English only.
What it says of one text is weak; means over days are less so.
"""

from __future__ import annotations

import math
import re

_TABLE = {
    3: "amazing wonderful fantastic brilliant delighted thrilled ecstatic overjoyed blissful love loved",
    2: "happy glad great lovely excited proud grateful joy joyful enjoyed enjoying beautiful excellent awesome cheerful"
       " relieved laughing laughed fun delightful hopeful peaceful content refreshed energetic thankful perfect",
    1: "good nice fine well calm relaxed pleasant better cosy cozy rested smiling smile like liked warm looking-forward"
       " yay thanks sweet cool enjoy interesting quiet okay haha lol",
    -1: "tired bored meh busy dull slow sore cold late missed miss boring stuck unsure sleepy annoyed annoying bother"
        " headache worried worry nervous awkward ill unwell cranky",
    -2: "sad unhappy stressed stressful anxious lonely upset angry exhausted drained frustrated frustrating awful bad"
        " terrible horrible worse crying cried cry hurt hurts disappointed overwhelmed gloomy down flat fed-up sick"
        " guilty ashamed afraid scared painful rough lost empty weary numb",
    -3: "depressed depressing miserable hopeless worthless devastated heartbroken despair hate hated panicking panic"
        " dread suicidal unbearable grief grieving worst",
}  # fmt: skip
LEXICON = {word: float(value) for value, words in _TABLE.items() for word in words.split()}

_NEGATIONS = frozenset(
    "not no never don't doesn't didn't isn't wasn't aren't weren't can't cannot couldn't won't hardly without".split()
)
_STRONGER = frozenset("very really so extremely totally absolutely incredibly super too".split())
_WORD = re.compile(r"[a-z]+(?:['’-][a-z]+)*")
_REACH = 3  # words before a word of feeling in which a negation turns it
_TURNED = -0.74  # of VADER
_MORE = 1.3
_PHRASES = (("looking forward", "looking-forward"), ("fed up", "fed-up"))
_ABOUT_THINGS = frozenset({"like", "down", "cold", "late", "well", "sick", "fine", "missed", "miss", "cool", "lost"})
"""Words that mean a feeling only after "I am", "I feel" and the like; elsewhere they are passed over."""
_FEELING = frozenset("feel feeling felt i'm im am was been".split())


def valence(text: str) -> float | None:
    """How a text feels, -1 to 1; None where no word of feeling stands in it."""
    said = text.casefold().replace("’", "'")
    for phrase, word in _PHRASES:
        said = said.replace(phrase, word)
    words = _WORD.findall(said)
    found = []
    for place, word in enumerate(words):
        value = LEXICON.get(word)
        before = words[max(0, place - _REACH) : place]
        if value is None or (word in _ABOUT_THINGS and not _FEELING.intersection(before)):
            continue
        if _STRONGER.intersection(before[-1:]):
            value *= _MORE
        found.append(value * (_TURNED if _NEGATIONS.intersection(before) else 1.0))
    if not found:
        return None
    total = sum(found)
    return total / math.sqrt(total * total + 15)  # VADER's normalisation


LOW_TONES = frozenset("flat tense sad low tired down depressed anxious stressed weary gloomy upset angry".split())
BRIGHT_TONES = frozenset("warm cheerful happy bright excited joyful amused playful calm".split())


def tone_valence(tone: str) -> float | None:
    """The same of the tone of a voice as a perceiver named it."""
    word = tone.casefold()
    return -0.5 if word in LOW_TONES else 0.5 if word in BRIGHT_TONES else None
