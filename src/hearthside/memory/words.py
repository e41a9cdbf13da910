"""Words of a text as the keyword index sees them, in scripts with and without spaces."""

from __future__ import annotations

import re
import threading
from functools import lru_cache

import apsw

# Scripts written without spaces between words; unicode61 would take a whole sentence for one word.
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+")
_LETTERS = r"[^\W_](?:[^\W_]|[\u0300-\u036f])*"  # accents may follow their letters
_WORD = re.compile(rf"{_LETTERS}(?:['’]{_LETTERS})?")
_SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？]*")
_QUESTION_ENDS = ("?", "？", "吗", "呢", "ですか", "ますか", "니까", "나요")

_STOP_WORDS = """
    a about am an and any are as at be been being but by can could did do does doing for from get go going got had has
    have having he her him his how i if in into is it its just last long many me mine my of on once or our out over
    said say see shall she should so some than that the their them then there these they this those time times to up
    was we were what when where which who whom whose why will with would you your
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())

# German ones, left out of German questions only: “die”, “war” and “hat” are English words that say something.
_GERMAN = """
    aber als am an auch auf aus bei bin bis da dann das dass dem den der des die dir du ein eine einem einen einer es
    er für habe haben hast hat hatte ich ihm ihr im in ist mal man mein meine meinem meinen meiner mich mir mit nach
    oft sich sie sind so und uns unser viel viele vom von vor wann war waren warum was wem wen wer wie wieder wir wird
    wo wohin wurde zu zum zur zuletzt über
"""
_GERMAN_WORDS = frozenset(_GERMAN.split())
_ONLY_GERMAN = frozenset(
    "wann ich habe hatte haben hast mit der das dem den und ist für nicht wer wie wo warum welche welcher wurde".split()
)
# What only makes a question of a Chinese, Japanese or Korean sentence, longest first.
_ASKING = re.compile(
    "什么时候|甚麼時候|為什麼|为什么|怎么样|什么|甚麼|哪里|哪裡|哪儿|几点|几次|多少|怎么|上次|谁|誰|吗|嗎|呢|"
    "ありましたか|いましたか|しましたか|ましたか|でしたか|ですか|ますか|どこで|どこに|どこ|いつ|だれ|なぜ|どう|"
    "언제|어디에서|어디서|어디에|어디|누구와|누구|무엇을|무엇|뭐를|왜|어떻게|했나요|했어요|했습니까|인가요|나요|습니까"
)
_PREFIX_LETTERS = 7  # a word this long also finds what begins with it: Geburtstag, Geburtstagsfeier


def indexed_text(text: str) -> str:
    """The text, case folded, with runs of Chinese, Japanese and Korean split into overlapping pairs and single ones."""
    return _CJK.sub(lambda match: f" {' '.join([*_pairs(match.group()), *match.group()])} ", text.casefold())


def words_of(text: str) -> list[str]:
    """Words to search for, lower case, in order, each once, pairs for scripts without spaces."""
    return list(dict.fromkeys(_all_words(text)))


def bare_words(text: str) -> list[str]:
    """Words in order, each once, without what hangs on them: dentist of dentist's, amour of l'amour."""
    return list(dict.fromkeys(map(_bare, _all_words(text))))


def content_words(text: str) -> list[str]:
    """Words that say what a question is about; all of them when only stop words are left."""
    words = bare_words(_ASKING.sub(" ", text)) or bare_words(text)
    stop = STOP_WORDS | _GERMAN_WORDS if _ONLY_GERMAN.intersection(words) else STOP_WORDS
    return [word for word in words if word not in stop] or words


def match_any(words: list[str]) -> str:
    """An FTS5 query for records that hold any of the words, or begin one of theirs with a long one."""
    return " OR ".join(_quoted(word) + ("*" if _opens_compounds(word) else "") for word in words)


def match_phrase(text: str) -> str:
    """An FTS5 query for records that hold these words side by side; empty when there are none."""
    words = _all_words(text)
    return _quoted(" ".join(words)) if words else ""


def terms_of(text: str) -> tuple[list[str], int]:
    """Stems of a text's content words, in order, as often as they come, and how many words it has.

    Stop words count among the words.
    """
    words = _all_words(text)
    bare = (_bare(word) for word in words if word not in STOP_WORDS)
    return [stem for word in bare if word not in STOP_WORDS for stem in stems(word)], len(words)


def statement_share(text: str) -> float:
    """The share of a text's words that stand in sentences which do not ask, 0 to 1; 0 without words."""
    if not any(end in text for end in _QUESTION_ENDS):
        return 1.0 if _WORD.search(text) else 0.0
    parts = _SENTENCE.findall(text)
    words = [len(_all_words(part)) for part in parts]
    asking = [part.rstrip(" .。!！").endswith(_QUESTION_ENDS) for part in parts]
    stating = sum(count for count, asks in zip(words, asking, strict=True) if not asks)
    return stating / sum(words) if any(words) else 0.0


@lru_cache(maxsize=65_536)
def stems(word: str) -> tuple[str, ...]:
    """A word as the index holds it: FTS5's own tokenizer, with Porter's stemmer (Porter 1980) and without accents."""
    flags = apsw.FTS5_TOKENIZE_DOCUMENT
    with _TOKENIZING:  # SQLite's tokenizer objects have a working memory of their own
        found = _TOKENIZER(word.encode("utf-8", "replace"), flags, None, include_offsets=False, include_colocated=False)
    return tuple(str(stem) for stem in found)


def _bare(word: str) -> str:
    return max(re.split("['’]", word), key=len) if "'" in word or "’" in word else word


def _opens_compounds(word: str) -> bool:
    return len(word) >= _PREFIX_LETTERS and word.isalpha()


def _quoted(words: str) -> str:
    return '"' + words.replace('"', '""') + '"'


def _all_words(text: str) -> list[str]:
    spaced = _CJK.sub(lambda match: f" {' '.join(_pairs(match.group()))} ", text.casefold())
    return _WORD.findall(spaced)


def _pairs(run: str) -> list[str]:
    return [run] if len(run) < 2 else [run[i : i + 2] for i in range(len(run) - 1)]


TOKENIZE = ("porter", "unicode61", "remove_diacritics", "2")
_CONNECTION = apsw.Connection(":memory:")
_TOKENIZER = _CONNECTION.fts5_tokenizer(TOKENIZE[0], list(TOKENIZE[1:]))
_TOKENIZING = threading.Lock()
