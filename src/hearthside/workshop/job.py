"""What may leave the house: training samples whose only targets are the person's own words, and the manifest of a job.

Samples and manifest have one canonical JSON form (sorted keys, UTF-8), so both ends compute the same hashes. The rules
are checked where a sample or manifest is made: at home before sealing, and again in the workshop after opening.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Literal, TypeAlias

import orjson
from pydantic import TypeAdapter, ValidationError

from hearthside.errors import Refused
from hearthside.events import Json, Origin, day_number

PROTOCOL = "workshop/1"
SAMPLES_PATH = "samples.json"
OWN_SHARE_FLOOR = 0.9  # of the supervised characters
MAX_SAMPLES = 200_000
MAX_BYTES = 256 * 1024 * 1024

Role: TypeAlias = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a training sample.

    The person speaks in the role ``assistant``: the model learns to word things as the person does.

    Attributes:
        role: part in the chat template.
        text: the words.
        weight: 1 = target of the training, 0 = context only.
        origin: who wrote the words; a target must be the person's own (`Origin.SELF`).

    Raises:
        Refused: a target that is not the person's own words, or is empty.
    """

    role: Role
    text: str
    weight: int = 0
    origin: Origin = Origin.PERSON

    def __post_init__(self) -> None:
        if self.weight not in (0, 1):
            raise Refused("job-weight", "A message of a training job weighs 0 or 1; the job was not made.")
        if self.weight == 1 and (self.origin is not Origin.SELF or self.role != "assistant"):
            raise Refused(
                "job-target-not-own",
                f"Words of origin “{self.origin}” in the role “{self.role}” were marked as a training target. Only the "
                "person's own words may be one; the job was not made.",
            )
        if self.weight == 1 and not self.text.strip():
            raise Refused("job-target-empty", "A training target holds no words; the job was not made.")


def own_words(text: str) -> Message:
    """A target: words the person wrote."""
    return Message("assistant", text, 1, Origin.SELF)


def context(text: str, origin: Origin = Origin.PERSON) -> Message:
    """Context before a target: what somebody else wrote, or the person before (origin ``self``)."""
    return Message("assistant" if origin is Origin.SELF else "user", text, 0, origin)


@dataclass(frozen=True, slots=True)
class TrainingSample:
    """A stretch of conversation with at least one target.

    Attributes:
        messages: in order of time; several of them may be targets, which costs less than one sample for each.

    Raises:
        Refused: no message is a target.
    """

    messages: tuple[Message, ...]

    def __post_init__(self) -> None:
        if not any(message.weight for message in self.messages):
            raise Refused(
                "job-sample-without-target", "A training sample has no own words to learn; the job was not made."
            )


@dataclass(frozen=True, slots=True)
class LoraSftParameters:
    """Parameters of the recipe ``lora_sft``; the defaults suit about 30,000 own characters on two cores.

    Attributes:
        rank: rank r of the low-rank update (LoRA, Hu et al. 2021, arXiv 2106.09685).
        alpha: scale of the update is alpha / r, or alpha / sqrt(r) with rslora.
        rslora: rank-stabilised scale (Kalajdzievski 2023, arXiv 2312.03732).
        learning_rate: peak rate of AdamW.
        epochs: passes over all samples.
        batch_tokens: tokens in one step, padding counted; a longer sequence is a step of its own.
        max_tokens: longest sequence; older context is cut first.
        warmup: share of the steps over which the rate rises from 0; after it a cosine falls to a tenth.
        clip: largest norm of a step's gradient.
        weight_decay: of AdamW.
        anchor_weight: weight of staying near the base on general text, against forgetting; 0 = none.
        anchor_tokens: tokens of general text in one step.
        seed: of the initial weights and the order of batches.
    """

    rank: int = 8
    alpha: float = 16.0
    rslora: bool = False
    learning_rate: float = 1.5e-3
    epochs: int = 1
    batch_tokens: int = 512
    max_tokens: int = 256
    warmup: float = 0.1
    clip: float = 1.0
    weight_decay: float = 0.0
    anchor_weight: float = 10.0
    anchor_tokens: int = 128
    seed: int = 1

    def __post_init__(self) -> None:
        bounds = {
            "rank": 1 <= self.rank <= 64,
            "alpha": 0 < self.alpha <= 1024,
            "learning_rate": 0 < self.learning_rate <= 0.1,
            "epochs": 1 <= self.epochs <= 100,
            "batch_tokens": 1 <= self.batch_tokens <= 65_536,
            "max_tokens": 8 <= self.max_tokens <= 4096,
            "warmup": 0 <= self.warmup < 1,
            "clip": self.clip > 0,
            "weight_decay": 0 <= self.weight_decay < 1,
            "anchor_weight": 0 <= self.anchor_weight <= 100,
            "anchor_tokens": 8 <= self.anchor_tokens <= 4096,
            "seed": 0 <= self.seed < 2**31,
        }
        wrong = [name for name, holds in bounds.items() if not holds]
        if wrong:
            raise Refused("job-parameters", f"These training parameters are out of bounds: {', '.join(wrong)}.")


@dataclass(frozen=True, slots=True)
class JobManifest:
    """What a workshop is told in the clear about a job; its SHA-256 binds evidence, keys, data and result together.

    Attributes:
        base_sha256: hex digest of the GGUF file that the home serves and the recipe trains against.
        data_from: first local day of the data, ISO date; data_to is the last.
        data_sha256: hex digest of the samples in canonical JSON.
        own_share: the person's own characters / all supervised characters.
        delete_by_ms: UTC ms at which the workshop deletes everything even when nobody asks.
        home_key_sha256: hex digest of the public key to which the result is sealed; "" until the home sends the job.
    """

    recipe: str
    parameters: LoraSftParameters
    base_sha256: str
    base_name: str
    sample_count: int
    byte_count: int
    data_from: str
    data_to: str
    data_sha256: str
    own_share: float
    delete_by_ms: int
    home_key_sha256: str = ""
    protocol: Literal["workshop/1"] = "workshop/1"

    def __post_init__(self) -> None:
        if not OWN_SHARE_FLOOR <= self.own_share <= 1:
            raise Refused(
                "job-own-share",
                f"Only {self.own_share:.0%} of the words to learn are their own; {OWN_SHARE_FLOOR:.0%} is the least."
                " Nothing was sent.",
            )
        if not 1 <= self.sample_count <= MAX_SAMPLES or not 1 <= self.byte_count <= MAX_BYTES:
            raise Refused("job-size", f"A job holds 1 to {MAX_SAMPLES} samples and at most {MAX_BYTES} bytes.")
        if day_number(self.data_to) < day_number(self.data_from):
            raise Refused("job-days", "The last day of the job's data lies before its first.")

    def canonical(self) -> bytes:
        """Canonical JSON."""
        return orjson.dumps(asdict(self), option=orjson.OPT_SORT_KEYS)

    @property
    def job_hash(self) -> bytes:
        """32 bytes: SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.canonical()).digest()

    def for_home_key(self, public_key: bytes) -> JobManifest:
        """The same manifest, bound to the home's public key."""
        return replace(self, home_key_sha256=hashlib.sha256(public_key).hexdigest())


@dataclass(frozen=True, slots=True)
class Job:
    """A manifest with the samples it describes.

    Attributes:
        payload: the samples in canonical JSON: the bytes that are sealed.
    """

    manifest: JobManifest
    payload: bytes = field(repr=False)


def make_job(
    samples: Iterable[TrainingSample],
    *,
    base_sha256: str,
    base_name: str,
    data_from: str,
    data_to: str,
    delete_by_ms: int,
    recipe: str = "lora_sft",
    parameters: LoraSftParameters | None = None,
) -> Job:
    """Put samples and their manifest together.

    Raises:
        Refused: no samples, too many, or a share of own words under the floor.
    """
    kept = tuple(samples)
    payload = encode_samples(kept)
    manifest = JobManifest(
        recipe=recipe,
        parameters=parameters or LoraSftParameters(),
        base_sha256=base_sha256,
        base_name=base_name,
        sample_count=len(kept),
        byte_count=len(payload),
        data_from=data_from,
        data_to=data_to,
        data_sha256=hashlib.sha256(payload).hexdigest(),
        own_share=own_share(kept),
        delete_by_ms=delete_by_ms,
    )
    return Job(manifest, payload)


def own_share(samples: Iterable[TrainingSample]) -> float:
    """The person's own characters / all supervised characters, 0 when nothing is supervised."""
    targets = [message for sample in samples for message in sample.messages if message.weight]
    total = sum(len(message.text) for message in targets)
    own = sum(len(message.text) for message in targets if message.origin is Origin.SELF)
    return own / total if total else 0.0


def encode_samples(samples: Iterable[TrainingSample]) -> bytes:
    """Canonical JSON of samples."""
    return orjson.dumps([asdict(sample) for sample in samples], option=orjson.OPT_SORT_KEYS)


def decode_samples(payload: bytes) -> tuple[TrainingSample, ...]:
    """Samples from their JSON, every rule checked again.

    Raises:
        Refused: not samples, or a sample that breaks a rule.
    """
    try:
        return TypeAdapter(tuple[TrainingSample, ...]).validate_json(payload, strict=True)
    except ValidationError as error:
        # The library's message quotes the value, which is content: only its place may be told.
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise Refused("job-samples-unreadable", f"The samples of the job are not readable at {place}.") from None


def manifest_from_json(document: Json) -> JobManifest:
    """A manifest as another program sent it.

    Raises:
        Refused: fields missing, unknown or out of bounds.
    """
    try:
        manifest = TypeAdapter(JobManifest).validate_json(orjson.dumps(document), strict=True)
    except (ValidationError, ValueError) as error:
        raise Refused("job-manifest-unreadable", "The manifest of the job is not in the form workshop/1.") from error
    if manifest.canonical() != orjson.dumps(document, option=orjson.OPT_SORT_KEYS):
        raise Refused("job-manifest-unreadable", "The manifest of the job has fields that workshop/1 does not know.")
    return manifest


def matches(manifest: JobManifest, payload: bytes, samples: tuple[TrainingSample, ...]) -> bool:
    """Whether the opened data are what the manifest says: digest, sizes and share of own words."""
    return (
        hashlib.sha256(payload).hexdigest() == manifest.data_sha256
        and len(payload) == manifest.byte_count
        and len(samples) == manifest.sample_count
        and own_share(samples) == manifest.own_share
    )
