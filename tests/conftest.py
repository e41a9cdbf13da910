"""Fixtures that tests of several rooms share, and the order in which files of tests begin."""

from __future__ import annotations

import gc
import logging
import os
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.home_assistant_server import HomeAssistantServer, start_home_assistant

# Files that take longest begin first, so that no worker is left with one when the others are done.
LONG = (
    "end_to_end/test_personal_training.py", "workshop/test_training.py", "end_to_end/test_pages_browser.py",
    "benchmarks/test_life.py", "benchmarks/test_outage.py", "end_to_end/test_two_nodes.py",
    "inference/test_compute_node.py", "workshop/test_protocol.py",
    "end_to_end/test_loop_in_browser.py", "leaving/test_tables.py", "memory/questions/test_wordings_answered.py",
    "end_to_end/test_known_browser.py", "end_to_end/test_model_server.py", "cli/test_life.py",
    "alignment/test_places.py", "alignment/test_updating.py", "companion/test_facts.py", "crash/test_programme.py",
    "benchmarks/test_journal.py", "end_to_end/test_household_browser.py", "inference/backends/test_openai_http.py",
    "end_to_end/test_time_axis_browser.py", "end_to_end/test_doors_home_assistant.py",
    "end_to_end/test_no_plaintext.py", "intake/test_importer.py", "benchmarks/test_loop.py",
    "benchmarks/test_question_keys.py", "inference/backends/test_llama_cpp.py", "night/test_likelihood.py",
    "crash/test_faults.py", "alignment/test_workers.py", "memory/test_embeddings.py", "journal/backup/test_s3.py",
    "journal/test_year_files.py", "inference/test_standby.py", "contracts/test_backends.py",
    "benchmarks/test_serving.py", "end_to_end/test_nodes_browser.py", "end_to_end/test_costs_browser.py",
    "contracts/test_backup_targets.py", "intake/test_resume.py", "cli/test_compute.py", "inference/test_supervisor.py",
    "contracts/test_side_models.py", "inference/side_models/test_rapidocr_text.py", "end_to_end/test_doors.py",
)  # fmt: skip

_TESTS = Path(__file__).parent
_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 4 * 2**30  # the whole suite takes less; containers often have 64 MB there
_EXTRA_BYTES = 12 * 2**30  # each worker may hold a model and what trains it


def pytest_configure(config: pytest.Config) -> None:
    """Folders of tests lie in memory, where there is room: a sync there costs nothing, and nothing in them must last.

    Tests of power cuts replay a record of what was asked of the disk, and a killed process loses no page of the system,
    so neither needs a disk. `make soak` uses the real one all the same.
    """
    if config.getoption("basetemp") or os.environ.get("HEARTHSIDE_SOAK") == "1" or not _MEMORY.is_dir():
        return
    if shutil.disk_usage(_MEMORY).free >= _ROOM_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are cores: tests wait for other processes about as often as they compute."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores + 1 if _free_bytes() >= _EXTRA_BYTES else cores


def _free_bytes() -> int:
    try:
        rows = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        return int(rows["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, the rest as collected: the same order in every worker."""
    place = {_TESTS / name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.path, len(LONG)))


def pytest_collection_finish() -> None:
    """What collecting made stays to the end; without this each search for garbage would go through all of it."""
    gc.freeze()


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """A test that starts Hearthside's logging leaves it as it was, so that others still hear it."""
    root = logging.getLogger("hearthside")
    before = (root.handlers[:], root.level, root.propagate)
    yield
    root.handlers[:], root.level, root.propagate = before[0], before[1], before[2]


@pytest.fixture(autouse=True)
def own_heads(_new_folders: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads of vaults made in tests are remembered in a folder of the test, not in the home of who runs it."""
    monkeypatch.setenv("HEARTHSIDE_HEADS_FOLDER", str(next(_new_folders)))


@pytest.fixture(scope="session")
def _new_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A new folder each time; `mktemp` would look through those of all tests before to find a free number."""
    within = tmp_path_factory.mktemp("heads")
    return (within / str(number) for number in count())


@pytest.fixture(scope="session")
def home_assistant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HomeAssistantServer]:
    """A real Home Assistant with its demo home; started once, on first use. A test that kills it starts it again."""
    server = start_home_assistant(tmp_path_factory.mktemp("home-assistant"))
    yield server
    server.kill()
