"""The card about the journal's safety: copies, proofs, ways in, room; nothing is called safe without a proof."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from markupsafe import Markup

from hearthside.web.calls import Problem, call
from hearthside.web.controls import button, html, native, text
from hearthside.web.house import BackupHealth, HeldHead, Lingering, ProvenRestore, SafetyView, VaultWay, Verification
from hearthside.web.layout import Frame, Shell
from hearthside.web.markup import badge, join, tag

WAY_WORDS = {
    "passphrase": "Passphrase",
    "key-file": "Key file on this machine",
    "paper": "Paper key (24 words)",
    "tpm": "This machine’s security chip",
}
DISK_WORDS = {"roomy": ("enough room", "good"), "low": ("getting full", "warn"), "full": ("capture stopped", "bad")}
NO_BACKUP = (
    "No backup is set up. If this disk fails, everything in this vault is lost. Another disk, a mounted folder or "
    "S3-compatible storage will do."
)
NO_PAPER = "There is no paper key. If the other ways in are lost, nobody can open this vault again, not even you."
NO_HEAD = (
    "Nobody outside this disk knows how far the journal had come, so a whole disk set back to an earlier state would "
    "not be noticed."
)


def safety_card(shell: Shell, page: Frame, view: SafetyView) -> None:
    """The card and its buttons; each starts work whose progress every page shows."""
    house = shell.house

    async def start(work: Callable[[], str]) -> None:
        outcome = await call(work)
        if isinstance(outcome, Problem):
            page.show(outcome)

    with native("section", "card safety-card", aria_label="Safety"):
        text("Safety", "h2")
        html(safety_body(view))
        with native("div", "buttons"):
            if view.backups:
                button("Back up now", partial(start, house.start_backup), "button-primary")
                button("Prove a restore now", partial(start, house.start_drill))
            button("Verify everything", partial(start, house.start_verify))


def safety_body(view: SafetyView) -> Markup:
    """Everything known about the journal's safety, what is missing first."""
    parts = [
        part("Last proven restore", proven_body(view.proven)),
        part("Backups", backups_body(view.backups)),
        part("Ways the vault opens", ways_body(view.ways)),
        part("Heads kept elsewhere", heads_body(view.heads)),
        part("Last verification", verification_body(view.verification)),
        part("Room on the disk", line(view.disk.free, view.disk.sentence, badge(*DISK_WORDS[view.disk.state]))),
    ]
    if view.lingering:
        parts.append(part("Forgotten, but not everywhere yet", lingering_body(view.lingering), "all-across"))
    return tag("div", hints(view), tag("div", *parts, cls="safety"))


def hints(view: SafetyView) -> Markup:
    """What could lose everything, said where it cannot be overlooked."""
    paper = next((way for way in view.ways if way.kind == "paper"), None)
    found = []
    if not view.backups:
        found.append(tag("p", tag("b", "Not safe from a lost disk. "), NO_BACKUP))
    if paper is None or not paper.made:
        note = f" {paper.note}" if paper is not None and paper.note else ""
        found.append(tag("p", tag("b", "Not safe from a lost key. "), NO_PAPER, note))
    return tag("div", *found, cls="hint", role="note") if found else Markup("")


def part(title: str, body: Markup, cls: str = "") -> Markup:
    """One fact of the card."""
    return tag("section", tag("h3", title), body, cls=cls or None)


def line(main: str, note: str = "", sign: Markup = Markup(""), trouble: str = "") -> Markup:  # noqa: B008 - immutable
    """A fact with its badge, a quiet line below, and what is wrong with it."""
    below = [tag("p", note, cls="quiet small")] if note else []
    below += [tag("p", trouble, cls="trouble small")] if trouble else []
    return tag("div", tag("p", tag("span", main), sign, cls="safety-line"), *below)


def lines(items: list[Markup]) -> Markup:
    """Several of them."""
    return tag("ul", *[tag("li", item) for item in items])


def proven_body(proven: ProvenRestore | None) -> Markup:
    """The age of the last proof; the only green word here is one that was proven."""
    if proven is None:
        return line(
            "Never", "Whether a backup can be restored is only known once it was done.", badge("no proof", "warn")
        )
    sign = badge("proven", "good") if proven.fresh else badge("too long ago", "warn")
    return line(proven.age, proven.sentence, sign)


def backups_body(backups: list[BackupHealth]) -> Markup:
    """Each place, how old its backup is, and what it lacks."""
    if not backups:
        return line("None", sign=badge("not set up", "bad"))
    return lines([line(one.title, backup_note(one), backup_sign(one), one.problem) for one in backups])


def backup_note(one: BackupHealth) -> str:
    """When, how far behind, and what the place promises."""
    behind = "1 record is not in it yet" if one.behind == 1 else f"{one.behind:,} records are not in it yet"
    facts = [f"backed up {one.last}" if one.last else "none made yet", behind if one.behind else "", one.note]
    return " · ".join(fact for fact in facts if fact)


def backup_sign(one: BackupHealth) -> Markup:
    """Never green: that a copy was written does not prove that it can be read."""
    if one.problem:
        return badge("does not work", "bad")
    if not one.last:
        return badge("empty", "warn")
    return badge("behind" if one.behind else "written")


def ways_body(ways: list[VaultWay]) -> Markup:
    """Each way, made or not; told by sign and word, not by colour alone."""

    def way_line(way: VaultWay) -> Markup:
        sign = badge("made") if way.made else badge("not made", "warn" if way.kind == "paper" else "quiet-badge")
        return line(WAY_WORDS.get(way.kind, way.kind), way.note, sign)

    return lines([way_line(way) for way in ways])


def heads_body(heads: list[HeldHead]) -> Markup:
    """Who else knows how far the journal had come."""
    if not heads:
        return line("Nowhere", NO_HEAD, badge("none", "warn"))
    return lines(
        [
            line(
                one.holder,
                f"up to record {one.seq:,} · {one.when}",
                badge("does not agree", "bad") if one.problem else badge("agrees"),
                one.problem,
            )
            for one in heads
        ]
    )


def verification_body(last: Verification) -> Markup:
    """The last look at every byte, and how it ended."""
    if not last.when:
        return line("Not yet", last.sentence, badge("not verified", "warn"))
    if not last.whole:
        return line(last.when, sign=badge("damage found", "bad"), trouble=last.sentence)
    return line(last.when, last.sentence, badge("whole", "good"))


def lingering_body(lingering: list[Lingering]) -> Markup:
    """Copies of keys that can still open what was forgotten here."""
    said = "What you forgot is gone from this machine. Backups of the key ring can still open it until they are gone:"
    gone = [tag("li", one.where, tag("span", f" until {one.until}", cls="quiet")) for one in lingering]
    return join([tag("p", said, cls="quiet small"), tag("ul", *gone)])
