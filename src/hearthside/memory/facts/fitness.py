"""Whether a model is fit to read for facts: measured once on invented sentences with known answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from hearthside.journal import Journal
from hearthside.memory.facts.annotation import Finding, Waiting, findings_of, version
from hearthside.memory.facts.leftover import open_stretches, stretches_about_you
from hearthside.memory.fitness import Fitness, Yardstick
from hearthside.memory.held_model import HeldModel

LEAST_PRECISION = 0.9
"""The memory is to hold less than 5 % that is not so (`audit.TARGET`). What a model reads may come to be half of all
facts, for it sees every text; with nine of ten right, half of a tenth is those 5 %."""

LEAST_SURE = 0.8
"""The lower end of the 90 % interval of that precision (Wilson 1927): with few answers nine of ten is easily luck. A
model of 1.5 billion parameters had 12 of 14 right on most of the probes and 16 of 24 on other sentences."""

LEAST_RECALL = 0.3
"""A model that finds less than a third of what there is costs a night's work for next to nothing, and its precision
is measured on too few answers to be believed."""

_BATCH = 8


@dataclass(frozen=True, slots=True)
class Probe:
    """An invented text.

    Attributes:
        wanted: (predicate, value) of what it states; a predicate begins with ``not:`` where it is denied.
        also: what a reader may say besides, without gain or loss for saying nothing.
        said_by: a friend who wrote it to the person, or "".
    """

    text: str
    wanted: tuple[tuple[str, str], ...] = ()
    also: tuple[tuple[str, str], ...] = ()
    said_by: str = ""

    def waiting(self) -> Waiting:
        """As a text to be read."""
        stretches = stretches_about_you(self.text) if self.said_by else open_stretches(self.text)
        return Waiting(b"\0" * 16, self.text, tuple(stretches), self.said_by)


PROBES = (
    Probe("Settled in Porto for good now, the boxes are finally unpacked.", (("lives_in", "Porto"),)),
    Probe("Twelve years behind the counter of Brandt & Sons and still nobody knows how to file a receipt.",
          (("works_at", "Brandt & Sons"),)),
    Probe("Being a paramedic means I eat lunch at four in the afternoon.", (("works_as", "paramedic"),)),
    Probe("Our tabby Pixel has discovered the top of the wardrobe.", (("pet", "Pixel"),), (("has_pet", "tabby"),)),
    Probe("Shellfish makes my throat swell, so no paella for this one.", (("allergic_to", "Shellfish"),),
          (("dislikes", "paella"), ("dislikes", "Shellfish"), ("condition", "swell"))),
    Probe("No meat for me since 2018, and the grill is for aubergines.", (("diet", "No meat"),),
          (("dislikes", "meat"), ("not:diet", "meat"), ("not:likes", "meat"), ("likes", "aubergines"))),
    Probe("Nothing beats a long swim in a cold lake.", (("likes", "swim"),), (("likes", "cold lake"),)),
    Probe("Crowded malls drive me up the wall.", (("dislikes", "malls"),)),
    Probe("The cello and me, third lesson today and my neighbours are still alive.",
          (("learns", "cello"),), (("plays", "cello"),)),
    Probe("Meine kleine Schwester Frieda zieht endlich bei den Eltern aus.", (("family", "Frieda"),)),
    Probe("Seit dem Umzug nach Graz schlafe ich besser, die Strasse ist so ruhig.", (("lives_in", "Graz"),)),
    Probe("Gegen Erdnüsse bin ich leider allergisch, bitte ohne Sauce.", (("allergic_to", "Erdnüsse"),)),
    Probe("강아지 이름은 보리예요, 세 살이고 산책을 정말 좋아해요.", (("pet", "보리"),), (("has_pet", "강아지"),)),
    Probe("저는 부산에 살고 있고 매일 바다를 봐요.", (("lives_in", "부산"),), (("likes", "바다"),)),
    Probe("名古屋に住んでいて、毎朝川沿いを歩きます。", (("lives_in", "名古屋"),), (("likes", "川沿い"),)),
    Probe("我住在成都，每个周末都去茶馆坐坐。", (("lives_in", "成都"),), (("likes", "茶馆"),)),
    Probe("Tennis is over for me, the knee decided that.", (("not:plays", "Tennis"),), (("not:likes", "Tennis"),)),
    Probe("The bus came twice today and both times it was full."),
    Probe("Dinner was fine, the soup a little salty, we were home by ten."),
    Probe("Traffic on the bridge again, be there in twenty minutes."),
    Probe("Thanks for the photos! The one on the pier is my wallpaper now."),
    Probe("Could you bring the blue folder on Thursday, please."),
    Probe("Der Handwerker kommt am Dienstag zwischen acht und zwölf."),
    Probe("내일 세 시에 역 앞에서 만나요, 늦지 마세요."),
    Probe("明日の会議は十時に変わりました、資料を忘れずに。"),
    Probe("Marek lives in Gdansk and plays the tuba in a brass band."),
    Probe("Just saw a flat in Lyon, lovely kitchen, far too expensive, next one please."),
    Probe("Headache all day, the weather I guess, off to bed now."),
    Probe("Had sushi with the team, then drinks at the harbour bar."),
    Probe("The neighbour's dog Kuno barked the whole night through."),
    Probe("Your peanut allergy is on the list, the cook knows about it.", (("allergic_to", "peanut"),), said_by="Jo"),
    Probe("Half a life as a lighthouse keeper and never once seasick.", (("works_as", "lighthouse keeper"),)),
    Probe("The twins, Alma and Bo, our daughters, start school in autumn.",
          (("family", "Alma"), ("family", "Bo"))),
    Probe("Spreadsheets all day at Nordwind Energy, then choir.", (("works_at", "Nordwind Energy"),),
          (("likes", "choir"),)),
    Probe("Cilantro tastes of soap, keep it away from my plate.", (("dislikes", "Cilantro"),)),
    Probe("Ohne Kaffee und Kreuzworträtsel fängt bei mir kein Tag an.", (("likes", "Kreuzworträtsel"),),
          (("likes", "Kaffee"), ("likes", "Kaffee und Kreuzworträtsel"))),
    Probe("주말마다 등산하는 게 제일 큰 낙이에요.", (("likes", "등산"),), (("plays", "등산"),)),
    Probe("数学の教師をしていて、採点が終わりません。", (("works_as", "教師"),), (("studies", "数学"),)),
    Probe("姐姐林悦下周从深圳回来看我们。", (("family", "林悦"),)),
    Probe("The exhibition on polar explorers was worth every minute in the queue."),
    Probe("New shoes, wet socks, three blisters, what a hike."),
    Probe("Rain until Sunday, so the barbecue moves to the garage."),
    Probe("Der Kollege aus Mainz züchtet Bienen und spielt Tuba."),
    Probe("Im Bus nach Kassel lief die ganze Zeit Schlagermusik."),
    Probe("지민이는 인천에서 미용사로 일한대요, 손님이 많다고 해요."),
    Probe("昨日の映画館は寒くて、途中で出ました。"),
    Probe("老板说下个月要搬到新的办公楼。"),
    Probe("See you at seven, bring your good mood with you!", said_by="Jo"),
)  # fmt: skip
"""Half of them state something that no phrase knows; half state nothing lasting about the writer, some of these about
others, and a few look as if they did."""

VERSION = hashlib.sha256(json.dumps([repr(PROBES), LEAST_PRECISION, LEAST_SURE, LEAST_RECALL]).encode()).hexdigest()[:8]


def yardstick() -> Yardstick:
    """What reading takes."""
    return Yardstick("reading", f"{VERSION}-{version()}", LEAST_PRECISION, LEAST_SURE, LEAST_RECALL)


@dataclass(slots=True)
class Score:
    """Right answers, answers, and answers there are to give."""

    right: int = 0
    said: int = 0
    wanted: int = 0
    wrong: list[tuple[str, str, str]] = field(default_factory=list)
    missed: list[tuple[str, str, str]] = field(default_factory=list)

    def take(self, probe: Probe, found: Iterable[Finding]) -> None:
        """Count the answers to one probe; what is right twice counts once."""
        left = list(probe.wanted)
        self.wanted += len(left)
        for finding in found:
            name = ("" if finding.holds else "not:") + finding.predicate
            hit = next((one for one in left if _same(one, name, finding.value)), None)
            if hit is not None:
                left.remove(hit)
                self.right += 1
            elif any(_same(one, name, finding.value) for one in (*probe.wanted, *probe.also)):
                continue
            else:
                self.wrong.append((probe.text, name, finding.value))
            self.said += 1
        self.missed += [(probe.text, *one) for one in left]


def _same(known: tuple[str, str], name: str, value: str) -> bool:
    one, other = known[1].casefold(), value.casefold()
    return known[0] == name and (one in other or other in one)


def measured(
    reader: HeldModel, probes: Sequence[Probe] = PROBES, progress: Callable[[int, int], None] = lambda done, total: None
) -> Score:
    """Read the probes; ends early once precision or recall can no longer be reached.

    Raises:
        RetryLater: the model is away.
    """
    score = Score()
    most = sum(len(probe.wanted) for probe in probes)
    for first in range(0, len(probes), _BATCH):
        batch = probes[first : first + _BATCH]
        for probe, found in zip(batch, findings_of(reader, [one.waiting() for one in batch]), strict=True):
            score.take(probe, found)
        progress(min(first + _BATCH, len(probes)), len(probes))
        if yardstick().out_of_reach(score.right, len(score.wrong), most - score.wanted, most):
            score.wanted = most
            break
    return score


def fitness_for_reading(
    journal: Journal,
    reader: HeldModel,
    clock: Callable[[], int],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Fitness:
    """What is known of the model, measured and journalled if it was not before.

    Raises:
        RetryLater: the model is away.
    """

    def measure() -> tuple[int, int, int]:
        score = measured(reader, progress=progress)
        return score.right, score.said, score.wanted

    return yardstick().found(journal, reader.model, clock, measure)
