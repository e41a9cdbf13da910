"""RapidOCR: the text in a picture, by the PP-OCRv6 models inside its package, on the processor, without any download.

The detector (DBNet, Liao et al. 2020) gets the picture with a bounded number of pixels, the recogniser (PP-OCR) line
after line, each of bounded length and cut from more pixels than the detector saw; so memory is bounded too. Sizes and
boxes are in pixels of the picture as it is seen, upright as its EXIF data says.
"""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hearthside.errors import NeedsPerson
from hearthside.events import Json
from hearthside.inference.side_models import Run, SideConfig, Task, TextLine
from hearthside.inference.side_models.picture_files import Picture, Pixels, read_picture

if TYPE_CHECKING:
    from rapidocr import RapidOCR

TASK: Task = "read_picture"
RANK = 10
NEED = 768 * 2**20
LONGEST = 32 * 2**20
LANGUAGES = "Latin and Greek letters, Chinese, Japanese"
ABOUT = "RapidOCR with PP-OCRv6, which comes with Hearthside: printed text"
CONNECTS = False

_MOST_PIXELS = 50_000_000  # that a picture may have
_CUT_PIXELS = 6_000_000  # of the picture from which lines are cut
_SEEN_PIXELS = 1_500_000  # of the picture that the detector sees; its memory grows with them
_SEEN_SIDE = 2000  # pixels, same
_SHORT_SIDE = 736  # pixels: smaller pictures are enlarged for the detector, which was trained on letters of that size
_MOST_ENLARGED = 3.0
_THINNEST = 8  # pixels: no line is lower
_WIDEST = 160  # times its height that a line may be; the recogniser's memory grows with it
_MOST_LINES = 3000
_SUREST_NOTHING = 0.5  # confidence below which a line is no text

_Corners: TypeAlias = NDArray[np.float64]


def is_here(config: SideConfig) -> bool:
    """See SideModel."""
    return all(find_spec(name) is not None for name in ("rapidocr", "onnxruntime", "cv2", "PIL"))


def load(config: SideConfig) -> Run:
    """See SideModel."""
    try:
        engine = _engine()
        for raw in _samples():  # what it opens, it opens now
            _lines(engine, read_picture(raw, _MOST_PIXELS, _CUT_PIXELS))
    except Exception as error:
        raise NeedsPerson(
            "side-model-broken",
            "The reader of pictures is installed and does not start; all else works. Install it anew: delete "
            "`.venv/.senses-ready` and run `make senses-install`.",
        ) from error
    name = f"rapidocr {version('rapidocr')} PP-OCRv6 small"

    def run(raw: bytes) -> dict[str, Json]:
        picture = read_picture(raw, _MOST_PIXELS, _CUT_PIXELS)
        lines = [
            {"text": line.text, "box": list(line.box), "confidence": line.confidence}
            for line in _in_reading_order(_lines(engine, picture))
        ]
        return {"model": name, "width": picture.width, "height": picture.height, "lines": lines}

    return run


def _engine() -> RapidOCR:
    """With its own models by their paths: what is not there is an error and never fetched."""
    import rapidocr

    models = Path(rapidocr.__file__).parent / "models"
    runtime = "EngineConfig.onnxruntime"
    return rapidocr.RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_preprocess_img": False,  # sizes are bounded here
            "Det.model_path": str(models / "PP-OCRv6_det_small.onnx"),
            "Cls.model_path": str(models / "ch_ppocr_mobile_v2.0_cls_mobile.onnx"),
            "Rec.model_path": str(models / "PP-OCRv6_rec_small.onnx"),
            "Det.limit_type": "max",  # its default enlarges the short side without end
            "Det.limit_side_len": _SEEN_SIDE,
            "Det.max_candidates": _MOST_LINES,
            f"{runtime}.intra_op_num_threads": 1,
            f"{runtime}.inter_op_num_threads": 1,
            f"{runtime}.enable_cpu_mem_arena": False,  # else the memory of the largest picture is kept for good
        }
    )


def _samples() -> list[bytes]:
    """A word in each of the formats."""
    import cv2

    cv2.setNumThreads(1)
    picture = np.full((64, 320, 3), 255, np.uint8)
    cv2.putText(picture, "Hearthside", (20, 45), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (0, 0, 0), 2)
    return [cv2.imencode(form, picture)[1].tobytes() for form in (".jpg", ".png", ".webp")]


def _lines(engine: RapidOCR, picture: Picture) -> list[TextLine]:
    from rapidocr.utils.process_img import get_rotate_crop_image

    height, width = picture.pixels.shape[:2]
    lines = []
    for corners in _boxes(engine, picture.pixels):
        line = get_rotate_crop_image(picture.pixels, corners.astype(np.float32))
        if line.shape[1] > _WIDEST * line.shape[0]:
            continue
        text, confidence = _text(engine, line)
        if text.strip() and confidence >= _SUREST_NOTHING:
            whole = corners * (picture.width / width, picture.height / height)
            lines.append(TextLine(text.strip(), _around(whole, picture), round(confidence, 4)))
    return lines


def _boxes(engine: RapidOCR, pixels: Pixels) -> _Corners:
    """Where lines of text are: (n, 4, 2) corners as x and y, from the left top one clockwise as one reads them."""
    import cv2

    height, width = pixels.shape[:2]
    enlarged = min(max(1.0, _SHORT_SIDE / min(height, width)), _MOST_ENLARGED)
    scale = min(enlarged, _SEEN_SIDE / max(height, width), (_SEEN_PIXELS / (height * width)) ** 0.5)
    seen = max(1, round(width * scale)), max(1, round(height * scale))
    if min(seen) < _THINNEST:
        return np.zeros((0, 4, 2))
    smaller = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    found = engine(cv2.resize(pixels, seen, interpolation=smaller), use_det=True, use_cls=False, use_rec=False)
    boxes = getattr(found, "boxes", None)
    corners: _Corners = np.zeros((0, 4, 2)) if boxes is None else np.asarray(boxes, np.float64)
    corners *= (width / seen[0], height / seen[1])
    return corners


def _text(engine: RapidOCR, line: Pixels) -> tuple[str, float]:
    """What one line says, and how sure that is: 0 to 1."""
    found = engine(np.ascontiguousarray(line), use_det=False, use_cls=True, use_rec=True)
    texts, scores = getattr(found, "txts", None), getattr(found, "scores", None)
    return (str(texts[0]), float(scores[0])) if texts and scores else ("", 0.0)


def _around(corners: _Corners, picture: Picture) -> tuple[int, int, int, int]:
    left, top = np.floor(corners.min(axis=0)).astype(int)
    right, bottom = np.ceil(corners.max(axis=0)).astype(int)
    return max(0, int(left)), max(0, int(top)), min(picture.width, int(right)), min(picture.height, int(bottom))


def _in_reading_order(lines: list[TextLine]) -> list[TextLine]:
    """From top to bottom, and from left to right what stands side by side: each begins before the other's middle."""
    rows: list[list[TextLine]] = []
    for line in sorted(lines, key=_middle):
        if rows and line.box[1] < _middle(rows[-1][0]):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [line for row in rows for line in sorted(row, key=lambda one: one.box[0])]


def _middle(line: TextLine) -> float:
    return (line.box[1] + line.box[3]) / 2
