"""API tokens: what is kept of them, what they open, and what happens to somebody who guesses."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import secrets
import threading
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthside.errors import HearthsideError, Refused, RetryLater
from hearthside.identity.tokens import (
    ADMIN,
    ASK,
    CAPTURE,
    FAILURES,
    LONGEST_LOCK_MS,
    READ,
    UNKNOWN,
    WRITE,
    Lockout,
    Token,
    TokenBook,
    new_token,
)

NOW = 1_790_000_000_000


class Clock:
    """Milliseconds that a test moves."""

    def __init__(self) -> None:
        self.ms = 0

    def __call__(self) -> int:
        return self.ms


def token(name: str = "phone", scopes: Iterable[str] = (CAPTURE,)) -> tuple[str, Token]:
    return new_token(name, scopes, NOW, secrets.token_bytes)


def book(*tokens: Token, clock: Clock | None = None) -> TokenBook:
    return TokenBook([one.body() for one in tokens], Lockout(clock or Clock()))


def code(found: TokenBook, text: str, scope: str = CAPTURE) -> str:
    """The code with which a text is turned away, or "" when it is let in."""
    try:
        found.check(text, scope)
    except HearthsideError as error:
        return error.code
    return ""


def wrong(kept: Token) -> str:
    """A guess at the secret of a token whose id is known."""
    return f"hs_{kept.id}_{'A' * 43}"


def test_a_token_has_its_form_and_opens_its_scope() -> None:
    text, kept = token()
    assert re.fullmatch(r"hs_[A-Za-z0-9_-]{8}_[A-Za-z0-9_-]{43}", text) and text[3:11] == kept.id
    assert book(kept).check(text, CAPTURE) == kept


def test_the_secret_is_all_of_the_random_bytes() -> None:
    asked: list[int] = []

    def random(count: int) -> bytes:
        asked.append(count)
        return b"\xff" * count

    text, _ = new_token("phone", [ASK], NOW, random)
    # The first bit of the id is left out, so that no id begins with a dash: a command line would take it for an option.
    assert asked == [6, 32] and text == "hs_f" + "_" * 7 + "_" + "_" * 42 + "8"


def test_only_a_digest_is_kept() -> None:
    text, kept = token()
    written = json.dumps(kept.body())
    assert text not in written and text[12:] not in written
    assert kept.digest == hashlib.sha256(text.encode()).hexdigest()
    assert Token.from_body(json.loads(written)) == kept
    assert kept.digest not in repr(kept)


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "x" * 81])
def test_a_token_needs_a_name(name: str) -> None:
    with pytest.raises(Refused) as refused:
        token(name)
    assert refused.value.code == "token-name-wrong"


def test_one_of_several_scopes_is_enough() -> None:
    text, made = token(scopes=[READ])
    found = book(made)
    assert found.check(text, READ, WRITE) is found.check(text, WRITE, READ)
    with pytest.raises(Refused, match=r"does not open memory\.write or ask"):
        found.check(text, WRITE, ASK)


@pytest.mark.parametrize("scopes", [[], ["all"], ["home.control:"], ["capture.write "], ["ask", "memory.writes"]])
def test_only_scopes_that_exist_are_given(scopes: list[str]) -> None:
    with pytest.raises(Refused) as refused:
        token(scopes=scopes)
    assert refused.value.code == "token-scope-unknown"


@pytest.mark.parametrize("held", [CAPTURE, ASK, READ, ADMIN, "home.control:light", "home.control:lock"])
@pytest.mark.parametrize("wanted", [CAPTURE, ASK, READ, ADMIN, "home.control:light", "home.control:lock"])
def test_a_scope_opens_itself_and_nothing_else(held: str, wanted: str) -> None:
    text, kept = token(scopes=[held])
    assert code(book(kept), text, wanted) == ("" if held == wanted else "token-scope")


def test_the_latest_word_on_a_token_counts() -> None:
    text, kept = token()
    revoked = Token(kept.id, kept.name, kept.scopes, kept.digest, kept.created_ms, NOW + 1)
    assert code(book(kept, revoked), text) == "token-revoked"
    assert book(kept, revoked).tokens() == [revoked]


def test_a_wrong_secret_of_a_revoked_token_learns_nothing_of_it() -> None:
    _, kept = token()
    revoked = Token(kept.id, kept.name, kept.scopes, kept.digest, kept.created_ms, NOW + 1)
    assert code(book(revoked), wrong(kept)) == "token-unknown"


@given(st.text(max_size=80))
def test_no_other_text_is_let_in(text: str) -> None:
    _, kept = token()
    assert code(book(kept), text) == "token-unknown"


@given(st.integers(min_value=0, max_value=54), st.characters(codec="latin-1"))
def test_one_changed_character_is_not_let_in(at: int, character: str) -> None:
    text, kept = token()
    changed = text[:at] + character + text[at + 1 :]
    assert (code(book(kept), changed) == "") == (changed == text)


def test_ten_failures_within_a_minute_lock_an_id_and_no_other() -> None:
    clock = Clock()
    (text, kept), (other_text, other) = token(), token("glasses")
    found = book(kept, other, clock=clock)
    for _ in range(FAILURES):
        assert code(found, wrong(kept)) == "token-unknown"
    assert code(found, wrong(kept)) == code(found, text) == "token-locked"
    assert code(found, other_text) == ""
    assert code(found, "hs_nobody00_" + "A" * 43) == "token-unknown"
    assert found.locked_ms(text) == 60_000 and found.locked_ms(other_text) == 0
    clock.ms += 59_999
    assert code(found, text) == "token-locked"
    clock.ms += 1
    assert code(found, text) == ""


def test_all_unknown_ids_are_counted_together() -> None:
    text, kept = token()
    found = book(kept)
    for number in range(FAILURES):
        assert code(found, f"hs_{number:08d}_{'A' * 43}") == "token-unknown"
    assert code(found, "hs_99999999_" + "A" * 43) == code(found, "") == code(found, "nonsense") == "token-locked"
    assert code(found, text) == ""


def test_failures_over_more_than_a_minute_lock_nothing() -> None:
    clock = Clock()
    text, kept = token()
    found = book(kept, clock=clock)
    for _ in range(5 * FAILURES):
        assert code(found, wrong(kept)) == "token-unknown"
        clock.ms += 60_000 // (FAILURES - 1) + 1
    assert code(found, text) == ""


def _lock_again(lockout: Lockout, name: str = "page") -> int:
    for _ in range(FAILURES):
        lockout.failed(name)
    return lockout.locked_ms(name)


def test_each_further_lock_is_twice_as_long_up_to_an_hour() -> None:
    clock = Clock()
    lockout = Lockout(clock)
    lengths = []
    for _ in range(9):
        lengths.append(_lock_again(lockout))
        clock.ms += lengths[-1]
    assert lengths == [60_000 * 2**n for n in range(6)] + [LONGEST_LOCK_MS] * 3


def test_after_a_quiet_hour_the_next_lock_is_short_again() -> None:
    clock = Clock()
    lockout = Lockout(clock)
    clock.ms += _lock_again(lockout)
    clock.ms += _lock_again(lockout) + 3_600_000
    assert _lock_again(lockout) == 60_000


def test_attempts_during_a_lock_do_not_make_it_longer() -> None:
    clock = Clock()
    lockout = Lockout(clock)
    _lock_again(lockout)
    clock.ms += 59_000
    for _ in range(100):
        lockout.failed("page")
    assert lockout.locked_ms("page") == 1000
    clock.ms += 1000
    lockout.check("page")


def test_a_lock_says_how_long() -> None:
    clock = Clock()
    lockout = Lockout(clock)
    _lock_again(lockout)
    clock.ms += 500
    with pytest.raises(RetryLater, match=r"in 60 s") as locked:
        lockout.check("page")
    assert locked.value.code == "token-locked"


def test_a_new_book_with_the_same_lockout_opens_no_lock() -> None:
    clock = Clock()
    lockout = Lockout(clock)
    text, kept = token()
    before = TokenBook([kept.body()], lockout)
    for _ in range(FAILURES):
        code(before, wrong(kept))
    assert code(TokenBook([kept.body()], lockout), text) == "token-locked"


def test_guessing_costs_no_memory() -> None:
    lockout = Lockout(Clock())
    _, kept = token()
    found = TokenBook([kept.body()], lockout)
    for number in range(500):
        code(found, f"hs_{number:08d}_{'A' * 43}")
        code(found, wrong(kept))
    assert set(lockout._names) == {UNKNOWN, kept.id}


def test_failures_are_counted_from_many_threads() -> None:
    lockout = Lockout(Clock())
    threads = [threading.Thread(target=lockout.failed, args=("page",)) for _ in range(FAILURES - 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lockout.locked_ms("page") == 0
    lockout.failed("page")
    assert lockout.locked_ms("page") == 60_000


def test_no_secret_reaches_an_error_or_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    (text, kept), clock = token(), Clock()
    found = book(kept, clock=clock)
    said = []
    for given_text, scope in [(text, ASK), (text[:-1], CAPTURE), (text + "x", CAPTURE), (wrong(kept), CAPTURE)] * 12:
        try:
            found.check(given_text, scope)
        except HearthsideError as error:
            said.append(f"{error.code} {error!r}")
            assert error.__cause__ is None and error.__context__ is None
    heard = " ".join(said) + caplog.text
    assert len(said) == 48 and {"token-scope", "token-unknown", "token-locked"} == {each.split()[0] for each in said}
    assert all(part not in heard for part in (text, text[12:], text[:-1], "A" * 43, kept.digest))
