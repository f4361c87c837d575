"""The clock of a sandbox: one formula for frozen, real and fast time."""

import time

import pytest

from mockchirp.clock import EARLIEST, FASTEST, LATEST, Clock, WallTime, check_reachable, machine_now, real_seconds
from mockchirp.core.errors import Conflict, InvalidRequest
from mockchirp.core.instants import DAY, HOUR, MINUTE, SECOND, parse_instant

T0 = parse_instant("2026-01-15T10:30:00Z")
REAL = 1_000.0


def test_a_frozen_clock_stays_where_it_is():
    """However much real time passes."""
    clock = Clock(T0, REAL, mode="frozen")

    assert [clock.read(REAL + later) for later in (0, 1, 1e9)] == [T0] * 3
    assert clock.real_at(T0 + SECOND) is None


@pytest.mark.parametrize(
    ("rate", "passed"), [(1, 10 * SECOND), (60, 10 * MINUTE), (3_600, 10 * HOUR), (0.5, 5 * SECOND)]
)
def test_a_clock_runs_at_its_rate(rate, passed):
    """At 60, a minute passes in a second."""
    assert Clock(T0, REAL, rate=rate).read(REAL + 10) == T0 + passed


@pytest.mark.parametrize("rate", [0.001, 0.3, 1, 7, 60, 1_000, FASTEST])
@pytest.mark.parametrize("ahead", [0, 1, 999, SECOND, 7 * DAY])
def test_real_at_is_when_the_clock_shows_the_instant(rate, ahead):
    """To the millisecond, give or take what a float can hold."""
    clock = Clock(T0, REAL, rate=rate)

    assert abs(clock.read(clock.real_at(T0 + ahead)) - (T0 + ahead)) <= 1


def test_whole_milliseconds_are_shown():
    """Never one that has not begun."""
    clock = Clock(T0, REAL)

    assert clock.read(REAL + 0.0019) == T0 + 1
    assert isinstance(clock.read(REAL + 0.5), int)


def test_a_change_of_the_rate_makes_no_leap():
    """What has passed stays passed; the new rate holds from then on."""
    clock = Clock(T0, REAL, rate=60)

    clock.set(REAL + 10, rate=2)

    assert clock.read(REAL + 10) == T0 + 10 * MINUTE
    assert clock.read(REAL + 15) == T0 + 10 * MINUTE + 10 * SECOND


def test_freezing_and_thawing_keep_the_time_and_the_rate():
    """Time that passes while it is frozen is not made up for."""
    clock = Clock(T0, REAL, rate=60)

    clock.set(REAL + 1, mode="frozen")
    assert clock.read(REAL + 100) == T0 + MINUTE
    clock.set(REAL + 200, mode="real")

    assert clock.rate == 60
    assert clock.read(REAL + 201) == T0 + 2 * MINUTE


@pytest.mark.parametrize("mode", ["real", "frozen"])
def test_the_time_can_be_set_ahead(mode):
    """From then on it counts from there."""
    clock = Clock(T0, REAL, mode=mode)

    clock.set(REAL + 5, now=T0 + DAY)

    assert clock.read(REAL + 5) == T0 + DAY
    assert clock.read(REAL + 6) == T0 + DAY + (SECOND if mode == "real" else 0)


@pytest.mark.parametrize("mode", ["real", "frozen"])
def test_time_never_goes_back(mode):
    """Not even by a millisecond; and a refused change changes nothing."""
    clock = Clock(T0, REAL, mode=mode)
    shown = clock.read(REAL + 5)

    with pytest.raises(Conflict, match="time never goes back") as refusal:
        clock.set(REAL + 5, now=shown - 1, mode="frozen", rate=7)

    assert refusal.value.param == "now"
    assert (clock.mode, clock.rate, clock.read(REAL + 5)) == (mode, 1, shown)


def test_setting_nothing_changes_nothing():
    """The time that passes included."""
    clock = Clock(T0, REAL, rate=3)

    clock.set(REAL + 2)

    assert (clock.mode, clock.rate, clock.read(REAL + 4)) == ("real", 3, T0 + 12 * SECOND)


def test_a_clock_stops_at_the_last_instant():
    """Identifiers can't hold later ones."""
    assert Clock(LATEST - 1, REAL, rate=FASTEST).read(REAL + 1e9) == LATEST


@pytest.mark.parametrize("instant", [EARLIEST, T0, LATEST])
def test_what_identifiers_can_hold_is_reachable(instant):
    """From the epoch of KSUIDs on, for as long as their four bytes last."""
    check_reachable(instant)

    assert EARLIEST == 1_400_000_000 * SECOND
    assert LATEST // SECOND - 1_400_000_000 < 2**32


@pytest.mark.parametrize("instant", [EARLIEST - 1, LATEST + 1, 0, -1])
def test_what_they_cannot_is_not(instant):
    """The error names the parameter and both ends."""
    with pytest.raises(InvalidRequest, match=r"2014-05-13T16:53:20.000Z to 2150") as refusal:
        check_reachable(instant, "now")

    assert refusal.value.param == "now"


def test_real_time_does_not_go_back():
    """The two readings of the machine: seconds for measuring, milliseconds since the Unix epoch for starting."""
    readings = [real_seconds() for _ in range(100)]

    assert readings == sorted(readings)
    assert EARLIEST < machine_now() < LATEST


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="this system has no such clock")
def test_real_time_counts_the_sleep_of_the_machine():
    """Where the system has a clock that does, it is the one that is read."""
    before = time.clock_gettime(time.CLOCK_BOOTTIME)

    assert before <= real_seconds() <= time.clock_gettime(time.CLOCK_BOOTTIME)
    assert real_seconds.args == (time.CLOCK_BOOTTIME,)  # on a machine that has not slept, others show the same


class Machine:
    """Two clocks: one that stands still while the machine sleeps, and one that is set right afterwards, or by hand."""

    def __init__(self):
        self.up, self.wall = 50.0, 1_750_000_000.0

    def run(self, seconds, sleep=0.0):
        self.up += seconds
        self.wall += seconds + sleep


@pytest.fixture
def machine():
    return Machine()


@pytest.fixture
def real(machine):
    return WallTime(lambda: machine.up, lambda: machine.wall)


def test_elsewhere_real_time_follows_the_wall_clock(machine, real):
    """Over each sleep, by as much as it took."""
    begun = real()
    passed = []
    for sleep in (0, 3_600, 0, 60):
        machine.run(10, sleep)
        passed.append(real() - begun)

    assert passed == [10, 3_620, 3_630, 3_700]


def test_elsewhere_real_time_does_not_go_back_with_the_wall_clock(machine, real):
    """A clock that is set back takes nothing away and holds nothing up; from then on it is followed as it is."""
    begun = real()
    machine.run(10)
    machine.wall -= 86_400
    passed = [real() - begun]
    machine.run(10)
    passed.append(real() - begun)
    machine.run(10, sleep=3_600)
    passed.append(real() - begun)

    assert passed == [10, 20, 3_630]


def test_elsewhere_small_differences_are_no_sleep(machine, real):
    """Two clocks are never read at one moment, and neither runs quite evenly: only what adds up to a second is followed."""
    begun = real()
    for _ in range(100):
        machine.run(1, sleep=0.25)
        machine.run(1, sleep=-0.25)

    assert real() - begun == 200


def test_a_clock_moves_on_over_the_sleep_of_the_machine(machine, real):
    """At its rate."""
    clock = Clock(T0, real(), rate=60)
    machine.run(1, sleep=59)

    assert clock.read(real()) == T0 + HOUR
