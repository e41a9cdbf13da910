"""The station: the data node with its pages, a compute node as child process, and quiet work in the background."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from hearthside.app.compute import pool_of, server_of, standby_of
from hearthside.app.costs import Costs
from hearthside.app.doors import SOURCE as NOTES
from hearthside.app.house import House, Outside
from hearthside.app.rooms import SYSTEM_SOURCES, Rooms, home_zone, open_rooms, system_clock
from hearthside.app.running import running
from hearthside.app.safekeeping import sweep_leftovers
from hearthside.config import Settings
from hearthside.errors import HearthsideError, NeedsPerson
from hearthside.events import local_datetime
from hearthside.home import EntityState, HomeAssistant, Subscription, event_from_state
from hearthside.inference.pool import NodePool
from hearthside.logs import logger

if TYPE_CHECKING:
    from hearthside.web.residents import Resident

_LOOK_S = 2.0  # between looks whether another process made new keys
_KEEP_S = 15.0  # between looks for new records: lining up costs no token
_LOG = logger("station")


@dataclass(slots=True)
class _HomeLink:
    """The connection to Home Assistant, when one is set up."""

    client: HomeAssistant | None = None
    subscription: Subscription | None = None
    problem: str = ""
    states: dict[str, EntityState] = field(default_factory=dict)


def open_house(
    settings: Settings,
    *,
    clock: Callable[[], int] = system_clock,
    passphrase: str | None = None,
    with_compute: bool = True,
    with_home: bool = False,
) -> House:
    """A house over the vault of these settings.

    Args:
        with_compute: start a compute node as a child process; without it answers come from plain code.
        with_home: follow the states of the Home Assistant in the settings.

    Raises:
        NeedsPerson: the key of the vault is missing or wrong, or no model is installed.
        ConfigError, Refused: the address of the model server is wrong, or not on this machine.
    """
    server = server_of(settings) if with_compute else None
    rooms = open_rooms(settings, clock, passphrase)
    costs, houses = Costs(rooms), list[House]()
    compute, standby = None, None
    if with_compute:
        compute = pool_of(lambda: houses[0].rooms if houses else rooms, server, costs.take, clock)
        standby = standby_of(rooms, compute, costs.take)
    link = _HomeLink()
    if settings.home_assistant_url:
        _connect_home(rooms, link, costs, follow=with_home)
    # With a standing connection the pages' questions cost no request, and so no row in the ledger.
    states = (lambda: list(link.states.values())) if with_home else None
    houses.append(
        House(rooms, Outside(compute, lambda: link.client, lambda: link.problem, states, standby, costs, clock))
    )
    if compute is not None:
        compute.start()
    houses[0].nodes.start()
    return houses[0]


def _connect_home(rooms: Rooms, link: _HomeLink, costs: Costs, follow: bool) -> None:
    settings = rooms.settings
    if settings.home_assistant_token_file is None:
        link.problem = "No token file is set (home_assistant_token_file), so the home is not connected."
        return
    try:
        token = Path(settings.home_assistant_token_file).expanduser().read_text(encoding="utf-8").strip()
    except OSError:
        link.problem = "The file with the Home Assistant token cannot be read, so the home is not connected."
        return
    link.client = HomeAssistant(settings.home_assistant_url, token, rooms.egress, rooms.clock)

    def on_state(state: EntityState) -> None:
        link.states[state.entity_id] = state
        rooms.journal.append([event_from_state(state)])
        costs.heard(state.entity_id, state.state, str(state.attributes.get("unit_of_measurement") or ""))

    def on_link(up: bool, why: str) -> None:
        link.problem = "" if up else why
        if not up:
            costs.home_lost()

    if follow:
        link.subscription = link.client.subscribe(on_state, on_link)


@dataclass(frozen=True, slots=True)
class Dweller:
    """One person of the household that a station serves; `passphrase` opens their vault where it needs one."""

    settings: Settings
    passphrase: str | None = None


def run_station(
    dwellers: Sequence[Dweller],
    *,
    ready: Callable[[list[str], list[House]], None],
    stop: threading.Event,
    sample: bool = False,
    seed: int | None = None,
    token: str | None = None,
    zone: tzinfo | None = None,
    with_token: bool = True,
) -> None:
    """Serve until `stop` is set.

    Args:
        dwellers: who lives here; address and port are those of the first.
        ready: called with each person's address to open, and their houses.
        sample: let the sample life in first, when the vault is empty.
        seed: of another sample life than the usual one.
        token: of the first person's pages; made from the vault when none is given.
        with_token: pages ask for the token of the address; off only where a test drives them.
    """
    houses: list[House] = []
    with ExitStack() as locks:
        for dweller in dwellers:
            locks.enter_context(running(Path(dweller.settings.vault)))
        _serve(dwellers, houses, ready, stop, sample, seed, token, zone, with_token)


def _serve(
    dwellers: Sequence[Dweller],
    houses: list[House],
    ready: Callable[[list[str], list[House]], None],
    stop: threading.Event,
    sample: bool,
    seed: int | None,
    token: str | None,
    zone: tzinfo | None,
    with_token: bool,
) -> None:
    from hearthside.web.server import serve_household  # the web stack takes a second to load; commands do not need it

    try:
        for dweller in dwellers:
            sweep_leftovers(Path(dweller.settings.vault))
            houses.append(open_house(dweller.settings, passphrase=dweller.passphrase, with_home=True))
        for house in houses:
            house.sample_seed = house.sample_seed if seed is None else seed
            if sample and (not house.has_life() or house.overview().invented):
                house.start_sample()
            threading.Thread(target=_keep, args=(house, stop), name="keeper", daemon=True).start()
        first = dwellers[0].settings
        residents = [_resident(house, token if house is houses[0] else None, zone, with_token) for house in houses]
        serve_household(residents, first.host, first.port, lambda links: ready(links, houses), stop)
    finally:
        stop.set()
        for house in houses:
            house.close()


def _resident(house: House, token: str | None, zone: tzinfo | None, with_token: bool) -> Resident:
    from hearthside.web.capture import capture_app
    from hearthside.web.residents import Resident

    return Resident(
        house,
        (token or _access_token(house.rooms)) if with_token else None,
        zone or home_zone(house.rooms.journal),
        house.overview().person or house.rooms.vault.folder.name,
        tokens=lambda: house.access.tokens(),
        capture=capture_app(house.access, SYSTEM_SOURCES | {NOTES}),
    )


def _access_token(rooms: Rooms) -> str:
    """The same for one vault, so that a bookmarked page stays open over restarts; derived, never stored."""
    return rooms.vault.key("page-token").hex()[:32]


def _keep(house: House, stop: threading.Event) -> None:
    """Keep the derived rooms in step, give meaning to new records, and begin the night; never calls the model idly."""
    last_night, looked_back, waited = "", False, 0.0
    while not stop.wait(_LOOK_S):
        _look_at_power(house)
        try:
            house.take_new_keys()
            house.waiting.look()
            waited += _LOOK_S
            if waited < _KEEP_S and house.rooms.stream.bounds():
                continue
            waited = 0.0
            _keep_safe(house)
            if not looked_back:  # a night that a crash cut short goes on
                looked_back = True
                if house.trainer.cut_short():
                    house.start_night()
            busy = any(job.active for job in house.jobs())
            if not busy and (house.rooms.stream.pending() or house.rooms.index.pending()):
                house.keep_in_step()
            compute = house.outside.compute
            model = _reading_model(compute) if compute is not None else None
            # All of them wait when the model is a new one.
            if not busy and model is not None and house.rooms.index.sizes(model)["waiting"]:
                house.start_embedding()
            now, offset = house.local_now()
            local = local_datetime(now, offset)
            day = local.date().isoformat()
            if not busy and local.hour == house.rooms.settings.night_hour and day != last_night:
                last_night = day
                if house.rooms.stream.bounds() is not None:
                    house.start_night()
        except HearthsideError as error:
            _LOG.warning("keeper: %s", error.code)
        except Exception as error:  # noqa: BLE001 - one bad look must not end the quiet work for good
            _LOG.error("keeper: %s", type(error).__name__)


def _reading_model(compute: NodePool) -> str | None:
    """The model that reads for meaning; None while nobody is ready, or where nobody can."""
    if compute.state().phase != "ready":
        return None
    try:
        return compute.embedder.model
    except NeedsPerson:  # that none is installed must not keep the night from coming
        return None


def _look_at_power(house: House) -> None:
    """First and by itself: power that is off must come back, whatever else fails."""
    try:
        house.nodes.power.look()
    except Exception as error:  # noqa: BLE001 - the next look is in two seconds
        _LOG.error("power: %s", type(error).__name__)


def _keep_safe(house: House) -> None:
    """Remember the head elsewhere, and begin a backup or a proof of it when one is due."""
    keeper = house.safekeeper
    keeper.give_head()
    if keeper.backup_due():
        house.start_backup()
    elif keeper.drill_due():
        house.start_drill()
