"""Names of exported media: real where they are known, safe on any disk, never the same twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthside.journal.attachments import MediaRef
from hearthside.leaving.originals import Named, _free, _place, safe_name


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("IMG_0001.JPG", "IMG_0001.JPG"),
        ("Größe 😀.png", "Größe 😀.png"),
        ("Gro\u0308ße.png", "Größe.png"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("a/b\\c:d.txt", "a_b_c_d.txt"),
        (".hidden", "hidden"),
        ("con.txt", "_con.txt"),
        ("photo\u202egpj.exe", "photo_gpj.exe"),
        ("trailing. . ", "trailing"),
        ("", ""),
        ("...", ""),
        ("///", ""),
        ("\x00\n", ""),
    ],
)
def test_names_are_made_safe(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@given(st.text(max_size=400))
def test_no_name_leads_anywhere_or_is_too_long(name: str) -> None:
    safe = safe_name(name)
    assert len(safe.encode()) <= 140
    assert not set(safe) & set('/\\:*?"<>|\0\n')
    assert not safe.startswith(".") and not safe.endswith((".", " "))


def test_a_place_says_the_month_and_no_two_files_share_one() -> None:
    taken: set[str] = set()

    def place(address: str, name: str, month: str = "2026-03", kind: str = "") -> str:
        return _free(_place(address, Named(MediaRef(address, 1, kind, name), month)), address, taken)

    a, b, c = "a" * 64, "b" * 64, "bbbbbbbb" + "c" * 56
    assert place(a, "IMG 1.jpg") == "media/2026-03/IMG 1.jpg"
    assert place(b, "img 1.JPG") == "media/2026-03/img 1-bbbbbbbb.JPG"
    assert place(c, "Img 1.jpg") == f"media/2026-03/Img 1-{c}.jpg"
    assert place(a, "IMG 1.jpg", "2026-04") == "media/2026-04/IMG 1.jpg"
    assert place(a, "", kind="image/png") == f"media/2026-03/{a[:16]}.png"
    assert place(a, "x.jpg", "+12345-0") == "media/undated/x.jpg"
    assert _free(_place(a, None), a, taken) == f"media/unnamed/{a[:16]}"
