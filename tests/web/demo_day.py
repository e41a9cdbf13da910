"""The invented day of the demonstration house: one day of a person who does not exist, in six layers."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from hearthside.alignment.views import Coverage, CoverageRun, LaneItem, Provisional, SeriesLine, SourceCoverage
from hearthside.events import Layer, Origin, Precision

OFFSET_MIN = 60
MINUTE = 60_000

# source | kind | layer | start | end | text | note | origin
DAY = """
whatsapp | message | text | 07:41 | - | Morning! Still on for Thursday? | Tomas · The Four | person
whatsapp | message | text | 07:44 | - | Yes, but no fish please, I had enough of it | The Four | self
whatsapp | message | text | 07:46 | - | The Alder then? It was so quiet last time | Ines · The Four | person
whatsapp | message | text | 12:31 | - | Presentation moved to nine tomorrow | Ravi | person
whatsapp | message | text | 12:33 | - | Nine?! I will go to bed early then | Ravi | self
google_my_activity | search | text | 19:02 | - | quiet restaurants near the river | search | self
google_my_activity | search | text | 19:05 | - | the alder menu vegetarian | search | self
whatsapp | message | text | 22:58 | - | Still awake, slides are not done | Ravi | self
glasses | dwell | visual | 08:20 | 08:26 | a bakery window with almond cakes | gaze 74 % | device
glasses | caption | visual | 12:40 | 13:10 | a salad bowl on a wooden table, two people | canteen | device
glasses | caption | visual | 18:10 | 18:31 | a river path with bare trees and a cyclist | outdoors | device
glasses | caption | visual | 20:15 | 20:50 | a laptop with slides, a mug of tea | kitchen | device
omi | utterance | auditory | 08:31 | 08:38 | I slept badly, give me the short version | you, tired | self
omi | utterance | auditory | 14:05 | 14:52 | Let us cut the second half of the talk | Ravi, calm | person
last_fm | listen | auditory | 18:05 | 18:09 | Lanterns – Paper Boats | album Low Tide | self
last_fm | listen | auditory | 18:09 | 18:14 | Northbound – Paper Boats | album Low Tide | self
last_fm | listen | auditory | 18:14 | 18:19 | Slow Ember – The Hollow Hills | album Ash | self
oura_sleep | sleep | behavioural | 00:48 | 06:52 | Slept 5 h 31 min | efficiency 88 % | device
oura_sleep | workout | behavioural | 17:58 | 18:40 | Walking | 2.9 km | device
activitywatch | app_use | behavioural | 09:02 | 11:48 | Slides | Quarterly review | self
activitywatch | app_use | behavioural | 11:50 | 12:28 | Mail | Inbox | self
activitywatch | app_use | behavioural | 13:15 | 16:58 | Editor | talk.md | self
activitywatch | app_use | behavioural | 20:10 | 23:40 | Slides | Quarterly review | self
activitywatch | afk | behavioural | 12:28 | 13:14 | away from keyboard | - | device
owntracks | region_leave | environmental | 08:12 | - | left Home | - | device
owntracks | region_enter | environmental | 08:44 | - | reached Studio | - | device
owntracks | position | environmental | 08:44 | 17:40 | at Studio | ± 20 m | device
owntracks | position | environmental | 17:58 | 18:40 | river path | 4 km/h | device
owntracks | position | environmental | 18:55 | 24:00 | at Home | ± 12 m | device
home_assistant | state | residential | 06:58 | 07:20 | Kitchen light on | light.kitchen | device
home_assistant | state | residential | 08:10 | - | Front door opened | binary_sensor.door | device
home_assistant | state | residential | 18:54 | - | Front door opened | binary_sensor.door | device
home_assistant | state | residential | 18:56 | 23:52 | Living room light on | light.living_room | device
home_assistant | state | residential | 19:10 | 22:40 | Heating 21 °C | climate.living_room | device
"""

# layer | 00:00, then coverage and the time it lasts to
COVERAGE = """
text | 00:00 silent 07:30 covered 07:50 silent 12:25 covered 12:40
text | 12:40 silent 19:00 covered 19:10 silent 22:55 covered 23:05 silent 24:00
visual | 00:00 unknown 08:00 covered 08:30 silent 12:38 covered 13:12 silent 15:30
visual | 15:30 unknown 18:00 covered 18:40 silent 20:10 covered 20:52 unknown 24:00
auditory | 00:00 unknown 08:25 covered 08:40 silent 14:00 covered 14:55
auditory | 14:55 silent 18:05 covered 18:20 silent 21:00 unknown 24:00
behavioural | 00:00 covered 24:00
environmental | 00:00 silent 08:05 covered 24:00
residential | 00:00 silent 06:50 covered 07:25 silent 18:50 covered 24:00
"""


def at(day: str, clock: str) -> int:
    """UTC ms of a local clock time; "24:00" is the end of the day."""
    hours, minutes = (int(part) for part in clock.split(":"))
    midnight = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return int(midnight.timestamp() * 1000) + (hours * 60 + minutes - OFFSET_MIN) * MINUTE


def lane_items(day: str) -> list[LaneItem]:
    """The events of the invented day, laid on any date."""
    items = []
    for number, row in enumerate(DAY.strip().splitlines(), start=1):
        source, kind, layer, start, end, text, note, origin = ("" if part == "-" else part for part in row.split(" | "))
        start_ms, end_ms = at(day, start), at(day, end) if end else None
        late_clock = source == "omi"  # its clock was three minutes ahead
        items.append(
            LaneItem(
                f"{number:032x}",
                source,
                kind,
                Layer(layer),
                start_ms,
                end_ms,
                text,
                note,
                Origin(origin),
                Precision.INSTANT,
                20_000 if late_clock else 0,
                start_ms + 3 * MINUTE if late_clock else None,
            )
        )
    return items


def coverage_runs(day: str) -> dict[Layer, list[CoverageRun]]:
    """The coverage of each layer."""
    lanes: dict[Layer, list[CoverageRun]] = {}
    for row in COVERAGE.strip().splitlines():
        name, _, words = row.partition(" | ")
        start, *rest = words.split()
        runs = lanes.setdefault(Layer(name), [])
        for coverage, end in zip(rest[::2], rest[1::2], strict=True):
            runs.append(CoverageRun(at(day, start), at(day, end), Coverage(coverage)))
            start = end
    return lanes


def series_lines() -> list[SeriesLine]:
    """Activity every minute and heart rate held for eleven, with a gap while the ring was charging."""
    met: list[float | None] = []
    heart: list[float | None] = []
    for minute in range(1440):
        wave, slow = math.sin(minute * 0.37) * math.sin(minute * 0.053), minute // 11 * 11
        beat = math.sin(slow * 0.37) * math.sin(slow * 0.053)
        asleep, walking, charging = 48 <= minute < 412, 1078 <= minute < 1120, 1180 <= minute < 1225
        met.append(None if charging else round(0.9 if asleep else 3.9 + wave if walking else 1.5 + 0.5 * abs(wave), 1))
        rate = 54 + 5 * beat if asleep else 112 + 8 * beat if walking else 71 + 9 * beat
        heart.append(None if charging else round(rate))
    return [
        SeriesLine("oura_sleep", "met", "MET", Layer.BEHAVIOURAL, met),
        SeriesLine("oura_sleep", "heart_rate", "1/min", Layer.BEHAVIOURAL, heart),
    ]


def source_coverage(day: str) -> list[SourceCoverage]:
    """The coverage of each source: where its layer is covered; the second source of a layer is silent all day."""
    runs = coverage_runs(day)
    heard: dict[tuple[Layer, str], int] = {}
    for item in lane_items(day):
        heard[item.layer, item.source] = heard.get((item.layer, item.source), 0) + 1
    first = {layer: next(source for one, source in heard if one is layer) for layer in Layer}
    whole = [CoverageRun(at(day, "00:00"), at(day, "24:00"), Coverage.SILENT)]
    return [
        SourceCoverage(source, layer, count, runs[layer] if first[layer] == source else whole)
        for (layer, source), count in sorted(heard.items(), key=lambda one: list(Layer).index(one[0][0]))
    ]


def provisional(day: str) -> list[Provisional]:
    """Two sources that have not been heard since the evening."""
    return [
        Provisional("glasses", Layer.VISUAL, at(day, "20:50")),
        Provisional("owntracks", Layer.ENVIRONMENTAL, at(day, "22:10")),
    ]
