"""The score interval of paired proportions: against other implementations, and what it promises, counted exactly."""

import math

import numpy as np
import pytest
from scipy import optimize, stats

from swiftci.evidence.tango import score, statistic


@pytest.mark.parametrize(
    ("gained", "lost", "items", "low", "high"),
    [
        (40, 20, 160, 0.030864522, 0.218064286),
        (0, 0, 100, -0.036993504, 0.036993444),
        (7, 1, 50, 0.011619682, 0.246580787),
        (5, 0, 25, 0.040169239, 0.391309452),
        (2, 2, 30, -0.162180066, 0.162180007),
        (0, 50, 50, -1.0, -0.857304752),
        (4, 11, 320, -0.049683779, 0.002097183),
    ],
)
def test_interval_is_that_of_r(gained: int, lost: int, items: int, low: float, high: float) -> None:
    """PropCIs 0.3-0, scoreci.mp, which stops at an error of a millionth."""
    found = score(gained, lost, items, 0.025)

    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-6)
    assert (found.floor, found.ceiling) == pytest.approx((found.low, found.high), abs=1e-12)


@pytest.mark.parametrize("difference", [-0.3, -0.02, 0.0, 0.01, 0.25])
@pytest.mark.parametrize(("gained", "lost", "items"), [(3, 9, 60), (0, 7, 40), (12, 12, 50), (1, 0, 30)])
def test_statistic_is_the_likelihoods(gained: int, lost: int, items: int, difference: float) -> None:
    """The share of those that fall is the one under which such a sample is most likely, searched for."""

    def unlikely(fall: float) -> float:
        rise, stay = fall + difference, 1 - 2 * fall - difference
        cells = ((gained, rise), (lost, fall), (items - gained - lost, stay))
        return -sum(count * math.log(max(share, 1e-300)) for count, share in cells)

    least, most = max(0.0, -difference), (1 - difference) / 2
    fall = optimize.minimize_scalar(unlikely, bounds=(least, most), method="bounded", options={"xatol": 1e-12}).x
    spread = math.sqrt(items * (2 * fall + difference - difference**2))
    expected = (gained - lost - items * difference) / spread

    assert statistic(gained, lost, items, difference) == pytest.approx(expected, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("alpha", [0.05, 0.01, 0.001])
@pytest.mark.parametrize("items", [1, 2, 20, 1000])
def test_answers_alike_have_their_closed_form(items: int, alpha: float) -> None:
    z2 = stats.norm.ppf(1 - alpha) ** 2
    found = score(0, 0, items, alpha)

    assert found.ceiling == pytest.approx(z2 / (items + z2), abs=1e-12)
    assert found.floor == -found.ceiling
    assert found.p_better == found.p_worse == 0.5


@pytest.mark.parametrize(("gained", "lost", "items"), [(4, 0, 4), (0, 4, 4), (900, 0, 1000), (3, 2, 5), (0, 1, 1)])
def test_bounds_stay_within_what_can_be(gained: int, lost: int, items: int) -> None:
    found = score(gained, lost, items, 0.05)

    assert -1 <= found.low <= found.floor <= (gained - lost) / items <= found.ceiling <= found.high <= 1


def chance(items: int, discordant: float, true: float, bound: float, side: str) -> float:
    """How often, of all samples, the one-sided bound at alpha 0.05 is beyond `bound`."""
    rise, fall, z, total = (discordant + true) / 2, (discordant - true) / 2, stats.norm.ppf(0.95), 0.0
    most = int(items * discordant + 6 * math.sqrt(items * discordant) + 6)
    counts = np.arange(most + 1)
    any_flip = stats.binom.pmf(counts, items, discordant)
    for flips in counts[any_flip > 1e-9]:
        ups = np.arange(flips + 1)
        found = [statistic(int(up), int(flips - up), items, bound) for up in ups]
        beyond = np.array(found) > z if side == "floor" else np.array(found) < -z
        total += any_flip[flips] * stats.binom.pmf(ups, flips, rise / (rise + fall))[beyond].sum()
    return float(total)


@pytest.mark.parametrize("items", [164, 500, 1000])
def test_errors_are_those_promised(items: int) -> None:
    """Of answers of which 12 % differ: identical models fail, and a loss of two points passes, in 5 % of all cases."""
    assert chance(items, 0.12, 0.0, 0.0, "ceiling") <= 0.0502
    assert chance(items, 0.12, -0.02, -0.02, "floor") <= 0.0508


@pytest.mark.parametrize(("items", "discordant", "margin"), [(30, 0.03, 0.02), (100, 0.03, 0.02), (300, 0.01, 0.005)])
def test_few_flips_are_judged_no_worse(items: int, discordant: float, margin: float) -> None:
    """Student's t passes the loss of 30 answers in 41 % of all cases."""
    assert chance(items, discordant, -margin, -margin, "floor") <= 0.055


def test_loss_of_three_points_is_found_in_a_thousand_answers() -> None:
    assert chance(1000, 0.12, -0.03, 0.0, "ceiling") == pytest.approx(0.867, abs=0.001)
