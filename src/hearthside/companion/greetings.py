"""Greetings and the small words of small talk, in the languages that Hearthside understands."""

from __future__ import annotations

import re

_HELLO = (
    r"hi|hiya|hello|hey|good (?:morning|evening|afternoon|night|day)|thanks(?: a lot| so much)?|"
    r"thank you(?: so much| very much)?|goodbye|"
    r"hallo|servus|moin|guten (?:morgen|tag|abend)|gute nacht|danke(?: schön| dir)?|tschüss|"
    r"안녕(?:하세요)?|좋은 아침(?:이에요)?|고마워(?:요)?|감사합니다|잘 자(?:요)?|"
    r"你好|您好|早上好|早安|晚上好|晚安|谢谢|謝謝|再见|再見|"
    r"こんにちは|こんばんは|おはよう(?:ございます)?|ありがとう(?:ございます)?|おやすみ(?:なさい)?|さようなら"
)
_SOFT = r"nice|great|cool|ok|okay|lol|haha|bye"  # which begin other things too: “Great Expectations”
_WELL_BEING = (
    r"how are (?:you|things)(?: doing)?|how(?:['’]s| is) (?:it going|everything|life)|how have you been|how do you do|"
    r"what(?:['’]s| is) up|what(?:['’]s| is) new|who are you|what are you|what can you do|tell me (?:a joke|something)|"
    r"wie geht(?:['’]?s| es)(?: (?:dir|ihnen))?|wer bist du|was kannst du|"
    r"어떻게 지내(?:요|세요)?|잘 지내(?:요|세요)?|넌? ?누구(?:야|세요)?|"
    r"你好吗|你好嗎|你是谁|你是誰|(?:お)?元気(?:ですか)?|あなたは誰(?:ですか)?"
)
_NOW = r"(?: (?:today|now|tonight|this (?:morning|evening)|heute))?"
_NAMED = r"(?:,? (?:there|again|everyone|hearthside|friend|my friend))?"
_MARK = r",!.?;:~–—。，！？、)(-"
_GREETING = re.compile(
    rf"^(?:(?:{_HELLO}){_NAMED}(?=[\s{_MARK}]|$)|(?:{_SOFT}|morning){_NAMED}(?=\s*[{_MARK}]|\s*$))[\s{_MARK}]*",
    re.IGNORECASE,
)
_KIND = re.compile(rf"^(?:{_SOFT})\b", re.IGNORECASE)
_SMALL = re.compile(rf"^(?:{_WELL_BEING}){_NOW}[\s{_MARK}]*$", re.IGNORECASE)
_ASKS = re.compile(r"\b(?:did|do|when|what|where|how|who|which|whose|why)\b|[?？]", re.IGNORECASE)
_MOST_WORDS = 3  # that follow a greeting and are still part of it: "thanks, that helps"


def without_greeting(text: str) -> str:
    """What follows the greetings that a text begins with; the text itself where there is none."""
    while (greeting := _GREETING.match(text)) is not None:
        text = text[greeting.end() :]
    return text


def is_small_talk(text: str) -> bool:
    """Whether a text greets, thanks or asks how one is, and asks nothing else."""
    rest = without_greeting(text.strip())
    if not rest:
        return bool(text.strip())
    if _SMALL.match(rest):
        return True
    polite = rest != text.strip() or _KIND.match(rest) is not None
    words = len(_KIND.sub("", rest).split())
    return polite and words <= _MOST_WORDS and _ASKS.search(rest) is None
