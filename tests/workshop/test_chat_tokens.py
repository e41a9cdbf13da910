"""Targets are exactly the words of messages of weight 1 and their end marks; everything else is context."""

from __future__ import annotations

from typing import Any

import pytest

from hearthside.errors import Refused
from hearthside.events import Origin
from hearthside.workshop.chat_tokens import END_MARK, WORDS, ChatTokens, chat_tokens
from hearthside.workshop.job import Message, context, own_words

_MARKS = ("<s>", "</s>")


class LetterTokenizer:
    """One token for each letter, one for each mark; a template with marks around each message."""

    chat_template: str | None = "letters"

    def __call__(self, text: str, add_special_tokens: bool) -> Any:
        assert not add_special_tokens
        ids = []
        while text:
            mark = next((mark for mark in _MARKS if text.startswith(mark)), text[0])
            ids.append(1000 + _MARKS.index(mark) if mark in _MARKS else ord(mark))
            text = text[len(mark) :]
        return {"input_ids": ids}

    def apply_chat_template(
        self, conversation: list[dict[str, str]], tokenize: bool, add_generation_prompt: bool
    ) -> Any:
        assert not tokenize
        turns = [f"<s>{turn['role'][0]}:{turn['content']}</s>\n" for turn in conversation]
        return "".join(turns) + ("<s>a:" if add_generation_prompt else "")


class RewritingTokenizer(LetterTokenizer):
    """A template that shows only the last message, as templates of reasoning models do with thoughts."""

    def apply_chat_template(
        self, conversation: list[dict[str, str]], tokenize: bool, add_generation_prompt: bool
    ) -> Any:
        return super().apply_chat_template(conversation[-1:], tokenize, add_generation_prompt)


class TemplatelessTokenizer(LetterTokenizer):
    """A base model that was never taught to chat."""

    chat_template = None


def _shown(chat: ChatTokens, kind: int) -> str:
    names = dict(enumerate(_MARKS, start=1000))
    pairs = zip(chat.ids, chat.targets, strict=True)
    return "".join(names.get(token, chr(token) if token < 1000 else "") for token, target in pairs if target == kind)


_TALK = [context("hi"), own_words("hey you"), context("what?"), context("nothing", Origin.SELF), own_words("ok")]


def test_words_and_end_marks_are_told_apart() -> None:
    chat = chat_tokens(LetterTokenizer(), _TALK, 1000)
    assert _shown(chat, WORDS) == "hey youok"
    assert _shown(chat, END_MARK) == "</s></s>"
    assert _shown(chat, 0) == "<s>s:</s>\n<s>u:hi</s>\n<s>a:\n<s>u:what?</s>\n<s>a:nothing</s>\n<s>a:"


def test_a_system_message_is_kept_and_an_empty_one_put_where_there_is_none() -> None:
    chat = chat_tokens(LetterTokenizer(), [Message("system", "be brief"), own_words("ok")], 1000)
    assert _shown(chat, 0).startswith("<s>s:be brief</s>")


def test_space_around_words_is_no_target() -> None:
    assert _shown(chat_tokens(LetterTokenizer(), [own_words("  ok \n")], 1000), WORDS) == "ok"


def test_the_oldest_tokens_go_first() -> None:
    whole = chat_tokens(LetterTokenizer(), _TALK, 1000)
    short = chat_tokens(LetterTokenizer(), _TALK, 20)
    assert len(short.ids) == 20
    assert _shown(short, WORDS) == "ok"
    assert (whole.cut, short.cut) == (0, len("hey you") + 1)


def test_what_follows_the_last_target_is_left_out() -> None:
    chat = chat_tokens(LetterTokenizer(), [own_words("ok"), context("fine then")], 1000)
    assert chat.targets[-1] == END_MARK


@pytest.mark.parametrize(
    ("tokenizer", "code"),
    [(RewritingTokenizer(), "base-template-rewrites"), (TemplatelessTokenizer(), "base-without-template")],
)
def test_a_base_that_cannot_be_trained_on_chats_is_refused(tokenizer: LetterTokenizer, code: str) -> None:
    with pytest.raises(Refused) as refused:
        chat_tokens(tokenizer, _TALK, 100)
    assert refused.value.code == code
