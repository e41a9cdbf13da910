"""Which language a text is written in: by its script, and of Latin letters by its commonest little words.

Function words tell the languages of a script apart in short texts (Grefenstette, "Comparing two language identification
schemes", JADT 1995). A text with too few of them, or as many of two languages, is left without a language.
"""

from __future__ import annotations

import re

_SCRIPTS = (
    ("Korean", re.compile(r"[\uac00-\ud7a3]")),
    ("Japanese", re.compile(r"[\u3040-\u30ff]")),  # kana: before Han, which Japanese has too
    ("Chinese", re.compile(r"[\u4e00-\u9fff]")),
)
_LITTLE_WORDS = {
    "English": "the and is are was you to of it that this have for with not but i'm my what be do so we they there at",
    "German": "der die das und ist ich nicht ein eine mit zu auf es wir du sie auch noch aber wie von den dem für war",
    "Dutch": "de het een en is ik niet met op je van dat die voor zijn maar ook nog wel naar was heb we ze er",
    "French": "le la les et est je pas un une des que qui dans pour avec vous nous il elle c'est mais sur ça tu mon",
    "Spanish": "el la los las y es no un una de que en por con para pero se lo me muy yo como está mi te",
    "Italian": "il la le e è non un una di che per con sono ma mi ti ci questo anche come gli della nel più",
}
_LANGUAGES_OF: dict[str, tuple[str, ...]] = {}
for _language, _words in _LITTLE_WORDS.items():
    for _word in _words.split():
        _LANGUAGES_OF[_word] = (*_LANGUAGES_OF.get(_word, ()), _language)

_WORD = re.compile(r"[a-zà-ÿ]+(?:'[a-zà-ÿ]+)?")
_LETTER = re.compile(r"[^\W\d_]")
_LEAST_SCRIPT = 0.3  # share of the letters that makes a text one of that script
_LEAST_WORDS = 2
_LOOKED_AT = 500  # characters


def language_of(text: str) -> str:
    """The language in English, or "" where the text does not show it."""
    said = text[:_LOOKED_AT]
    if not said.isascii():
        letters = len(_LETTER.findall(said))
        for language, script in _SCRIPTS:
            if letters and len(script.findall(said)) >= _LEAST_SCRIPT * letters:
                return language
    hits: dict[str, int] = {}
    for word in _WORD.findall(said.casefold().replace("’", "'")):
        for language in _LANGUAGES_OF.get(word, ()):
            hits[language] = hits.get(language, 0) + 1
    ranked = sorted(hits.items(), key=lambda item: -item[1])
    if not ranked or ranked[0][1] < _LEAST_WORDS or (len(ranked) > 1 and ranked[1][1] == ranked[0][1]):
        return ""
    return ranked[0][0]
