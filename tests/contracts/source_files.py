"""A small invented export for every source; a new source needs one here."""

from __future__ import annotations

import orjson

from hearthside.events import Json


def _lines(*rows: dict[str, Json]) -> bytes:
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


_DAY = {
    "average_met": 1.4, "class_5min": "0112" * 72, "day": "2024-05-01", "day_end": "2024-05-02T03:59:59+02:00",
    "day_start": "2024-05-01T04:00:00+02:00", "met_1min": [0.9, 1, None, 1.2] * 360, "score": 80, "steps": 4321,
    "summary_date": "2024-05-01", "timezone": 120, "score_recovery_time": 100,
}  # fmt: skip
_NIGHT = {
    "bedtime_start": "2024-05-01T23:30:00+02:00", "bedtime_end": "2024-05-02T07:00:00+02:00", "day": "2024-05-01",
    "hr_5min": [55, 0, 54], "rmssd_5min": [40, 0, 41], "hypnogram_5min": "4123", "is_longest": 1, "period_id": 0,
    "summary_date": "2024-05-01", "duration": 27000,
}  # fmt: skip
_READY = {
    "day": "2024-05-01", "period_id": 0, "score": 85, "score_recovery_index": 100, "score_resting_hr": 90,
    "summary_date": "2024-05-01",
}  # fmt: skip
_PLAY = {"album": "Tides", "artist": "The Invented", "day": "2024-05-01", "track": "Low Water", "uts": 1714562000}
_CODING = {
    "categories": [["Coding", 60.5]], "day": "2024-05-01", "editors": [["Vim", 60.5]],
    "languages": [["Python", 60.5]], "n_projects": 1, "operating_systems": [["Linux", 60.5]], "total_seconds": 60.5,
}  # fmt: skip
_SESSION = {
    "activeTimeMillis": "600000", "activityType": 93, "application": {"packageName": "org.example.walk"},
    "day": "2024-05-01", "endTimeMillis": "1714560600000", "id": "healthkit-0001", "name": "Walking",
    "startTimeMillis": "1714560000000",
}  # fmt: skip
_EPISODE = {
    "author": None, "day": "2024-05-01", "duration": 1800, "first_seen": True, "playedUpTo": 900, "playingStatus": 2,
    "podcast": "Made Up", "published": "2024-04-30T05:00:00Z", "title": "One", "uuid": "00000000-4000",
}  # fmt: skip
_TWEET = {
    "created_at": "Wed May 01 11:20:00 +0000 2024", "day": "2024-05-01", "id": "1785600000000000001", "lang": "en",
    "reply_to_status": None, "source": "Somewhere", "text": "Rain again.",
}  # fmt: skip
_LIKE = {
    "created_at": "Wed May 01 11:20:00 +0000 2024", "day": "2024-05-01", "id": "1785600000000000002", "lang": "en",
    "text": "Somebody else's words.",
}  # fmt: skip
_USE = {"day": "2024-05-01", "items": [["Email", 300], ["Design", 120]], "kind": "top-overview"}
_POSITION = {"_type": "location", "tst": 1714560000, "lat": 52.1, "lon": 4.3, "acc": 12, "batt": 80, "tid": "me"}
_CAPTION = {
    "type": "caption", "time": "2024-05-01T18:31:05+02:00", "duration_s": 30, "text": "A menu on a table.",
    "objects": ["menu"], "people": [], "place": "Osteria",
}  # fmt: skip
_GAZE = {
    "type": "gaze", "time": "2024-05-01T18:31:05+02:00", "step_ms": 1000,
    "targets": ["menu", "menu", "menu", "menu", "menu", None, "window"],
}  # fmt: skip
_POINT = {
    "latitudeE7": 521000000, "longitudeE7": 43000000, "accuracy": 12, "velocity": 2, "source": "WIFI",
    "deviceTag": -1234567, "timestamp": "2024-05-01T10:00:00.123Z",
    "activity": [{"timestamp": "2024-05-01T10:00:01Z", "activity": [{"type": "STILL", "confidence": 80}]}],
}  # fmt: skip
_SEARCH = {
    "header": "Search", "title": "Searched for ramen near me", "titleUrl": "https://www.google.com/search?q=ramen",
    "time": "2024-05-01T10:00:00.000Z", "products": ["Search"],
}  # fmt: skip
_BUCKETS = {
    "buckets": {
        "aw-watcher-window_desk": {
            "id": "aw-watcher-window_desk", "type": "currentwindow", "client": "aw-watcher-window",
            "hostname": "desk", "created": "2024-05-01T08:00:00+00:00",
            "events": [
                {"id": 1, "timestamp": "2024-05-01T08:00:00+00:00", "duration": 60.0,
                 "data": {"app": "Editor", "title": "notes.txt"}}
            ],
        }
    }
}  # fmt: skip
_STATE = {
    "entity_id": "light.hall", "state": "on", "attributes": {"friendly_name": "Hall light"},
    "last_changed": "2024-05-01T08:00:00+00:00", "last_updated": "2024-05-01T08:00:00+00:00",
}  # fmt: skip
_MEMORY = {
    "id": "m1", "created_at": "2024-05-01T08:10:00Z", "started_at": "2024-05-01T08:00:00Z",
    "finished_at": "2024-05-01T08:10:00Z", "discarded": False, "structured": {"title": "A talk"},
    "transcript_segments": [
        {"text": "Shall we eat?", "speaker": "SPEAKER_00", "speakerId": 0, "speaker_name": "Mira", "is_user": False,
         "start": 1.0, "end": 2.5}
    ],
}  # fmt: skip
_CHAT = (
    b"13/05/2024, 18:00 - Messages and calls are end-to-end encrypted. No one outside of this chat can read them.\n"
    b"13/05/2024, 18:01 - Mira: Are you coming?\n"
    b"13/05/2024, 18:02 - Ada: Yes,\nin ten minutes\n"
)
_HOME = (
    b"Start time: Time sensor started firing\r\nEnd time: Time sensor stopped firing\r\nID: sensor id\r\n\r\n"
    b"Sensor IDs are: \r\n    [ 5]    'Hall-Toilet door'  \r\n    [ 8]    'Fridge'            \r\n\r\n"
    b"Start time          \tEnd time            \tID\tVal\r\n"
    b"--------------------\t--------------------\t--\t---\r\n"
    b"25-Feb-2008 00:20:14\t25-Feb-2008 00:22:57\t5\t1\r\n"
    b"25-Feb-2008 09:33:41\t25-Feb-2008 09:33:42\t8\t1\r\nLength: 2"
)
_HOUSE = (
    b"Bathing,4/1/2003,20:41:35,21:32:50\r\n100,68\r\nToilet Flush,Sink faucet - hot\r\n"
    b"20:51:52,21:5:23\r\n23:10:23,21:5:45\r\n"
    b"Toileting,4/1/2003,11:52:1,11:58:50\r\n100\r\nToilet Flush\r\n11:55:43\r\n11:56:2\r\n"
)
_TRACK = (
    b"Geolife trajectory\r\nWGS 84\r\nAltitude is in Feet\r\nReserved 3\r\n0,2,255,My Track,0,0,2,8421376\r\n0\r\n"
    b"52.100012,4.300034,0,492,45413.5,2024-05-01,12:00:00\r\n"
    b"52.100013,4.300035,0,-777,45413.5000578704,2024-05-01,12:00:05\r\n"
)
_FIXES = (
    b"time,provider,network_type,accuracy,latitude,longitude,altitude,bearing,speed,travelstate\n"
    b"1714560000,network,wifi,24.0,52.1,4.3,0.0,0.0,0.0,stationary,\n"
    b"1714561200,gps,,12.0,52.1001,4.3001,2.5,90.0,1.5,,\n"
)
_STRESS = orjson.dumps([{"level": "2", "location": "52.1,4.3", "resp_time": 1714560000}])

JSON_LINES: dict[str, bytes] = {
    "glasses": _lines(_CAPTION, _GAZE),
    "google_fit": _lines(_SESSION, {**_SESSION, "id": "healthkit-0002", "activityType": 72, "name": "Slapen"}),
    "last_fm": _lines(_PLAY, {**_PLAY, "uts": 1714562300, "track": "High Water"}),
    "oura_activity": _lines(_DAY, {**_DAY, "summary_date": "2024-05-02", "day_start": "2024-05-02T04:00:00+02:00"}),
    "oura_readiness": _lines(_READY, {**_READY, "summary_date": "2024-05-02"}),
    "oura_sleep": _lines(_NIGHT, {**_NIGHT, "summary_date": "2024-05-02", "bedtime_end": "2024-05-02T08:00:00+02:00"}),
    "oura_weight": _lines({"day": "2024-05-01", "weight": 70}, {"day": "2024-05-02", "weight": 70.4}),
    "owntracks": _lines(_POSITION, {**_POSITION, "tst": 1714560300}),
    "pocket_casts": _lines(_EPISODE, {**_EPISODE, "day": "2024-05-02", "playedUpTo": 1800}),
    "rescuetime": _lines(_USE, {"day": "2024-05-02", "items": [], "kind": "top-categories"}),
    "twitter_likes": _lines(_LIKE, {**_LIKE, "id": "1785600000000000003"}),
    "twitter_tweets": _lines(_TWEET, {**_TWEET, "id": "1785600000000000004", "text": "RT @ada: Sun!"}),
    "wakatime": _lines(_CODING, {**_CODING, "day": "2024-05-02", "languages": [], "total_seconds": 0}),
}
"""Sources whose record is a line of JSON."""

OTHERS: dict[str, bytes] = {
    "activitywatch": orjson.dumps(_BUCKETS),
    "geolife": _TRACK,
    "google_location_history": orjson.dumps({"locations": [_POINT, {**_POINT, "timestamp": "2024-05-01T10:05:00Z"}]}),
    "google_my_activity": orjson.dumps([_SEARCH, {**_SEARCH, "time": "2024-05-01T10:01:00.000Z"}]),
    "home_assistant_history": orjson.dumps([[_STATE, {"state": "off", "last_changed": "2024-05-01T09:00:00+00:00"}]]),
    "kasteren": _HOME,
    "mit_house": _HOUSE,
    "omi": orjson.dumps([_MEMORY]),
    "studentlife_gps": _FIXES,
    "studentlife_stress": _STRESS,
    "whatsapp": _CHAT,
}
"""Sources whose file is one document or free text."""

SOURCE_FILES: dict[str, bytes] = {**JSON_LINES, **OTHERS}
