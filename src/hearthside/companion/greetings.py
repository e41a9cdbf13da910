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
_COURTESY = (
    r"that helps(?: a lot| me)?|that(?:['’]s| is| was) (?:all|it|great|good|nice|helpful|kind|right)"
    r"(?: (?:of you|for now|for today))?|you too|same to you|sleep well|see you(?: later| tomorrow| soon)?|"
    r"take care|very much|a lot|so much|"
    r"to (?:meet|see|hear from) you(?: again| too)?|no problem|never mind|well done|good (?:job|work|one)|got it|i see|"
    r"alright|it(?:['’]s| is) me(?: again)?|for (?:that|this|now|everything|your help|the help)|until tomorrow|"
    r"have a (?:good|nice|great|lovely) (?:day|night|evening|weekend|one|time)|"
    r"das hilft(?: mir)?|bis (?:morgen|später|bald)|schlaf gut|dir auch|schönen (?:tag|abend)|"
    r"내일 봐(?:요)?|또 봐(?:요)?|明天见|明天見|また明日|またね"
)
_NOW = r"(?: (?:today|now|tonight|this (?:morning|evening)|heute))?"
_NAMED = r"(?:,? (?:there|again|everyone|hearthside|friend|my friend))?"
_MARK = r",!.?;:~–—。，！？、)(-"
_ASKS = (
    r"how|what|when|where|who|whose|which|why|did|do|does|am|is|are|was|were|have|has|had|can|could|will|tell|show|give|"
    r"list|find|search|wann|wie|was|wo|wer|warum|welche[rsnm]?|habe?|bin|zeig"
)
_ANY = re.compile(rf"^(?P<hello>{_HELLO}|(?:{_SOFT}|morning)){_NAMED}(?=[\s{_MARK}]|$)[\s{_MARK}]*", re.IGNORECASE)
_BEFORE = re.compile(
    rf"^(?:{_HELLO}|{_SOFT}|morning){_NAMED}(?:\s*[{_MARK}][\s{_MARK}]*|\s*$|\s+(?=(?:{_ASKS})\b))", re.IGNORECASE
)
_SMALL = re.compile(rf"^(?:(?:{_WELL_BEING}){_NOW}|{_COURTESY})[\s{_MARK}]*$", re.IGNORECASE)
_ONE_NAME = re.compile(rf"^[^\W\d_]+[\s{_MARK}]*$")
_SPACED = re.compile(rf"^(?:{_HELLO})\s", re.IGNORECASE)


def without_greeting(text: str) -> str:
    """What follows the greetings that a text begins with; the text itself where there is none.

    A greeting ends at a mark, or before a word that asks: “Hello by Adele” is a song.
    """
    while (greeting := _BEFORE.match(text)) is not None:
        text = text[greeting.end() :]
    return text


def is_small_talk(text: str) -> bool:
    """Whether a text greets, thanks or asks how one is, and asks nothing else; what is not known to be so is not."""
    text = text.strip()
    rest = text
    while not _SMALL.match(rest) and (greeting := _ANY.match(rest)) is not None:
        rest = rest[greeting.end() :]
    if not rest or _SMALL.match(rest):
        return bool(text)
    return _SPACED.match(text) is not None and _ONE_NAME.match(rest) is not None and "?" not in rest
