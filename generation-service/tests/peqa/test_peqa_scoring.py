"""The arithmetic of the rubric."""

import pytest
from generation_service.peqa.rubric import CHECKS, DIMENSION_WEIGHTS
from generation_service.peqa.scoring import band_of, dimension_scores, overall_score, rounded
from generation_service.peqa.values import Cap, Dimension, Verdict


def test_weights_add_up_to_one() -> None:
    assert sum(DIMENSION_WEIGHTS.values()) == pytest.approx(1)


def test_the_rubric_has_the_28_checks() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS) == 28


def test_a_dimension_is_the_mean_of_its_applicable_checks() -> None:
    verdicts = {"C1": Verdict.MET, "C2": Verdict.PARTLY, "C3": Verdict.NOT, "C4": Verdict.NOT_ASSESSED}

    scores = dimension_scores(verdicts)

    assert scores[Dimension.CLARITY] == 50
    assert scores[Dimension.ROBUSTNESS] is None


def test_the_weights_of_judged_dimensions_make_up_the_whole() -> None:
    scores = dimension_scores({"C1": Verdict.MET, "R1": Verdict.NOT})

    assert overall_score(scores, ()) == rounded(100 * 0.25 / 0.40)


def test_all_met_is_100_and_nothing_judged_is_0() -> None:
    assert overall_score(dimension_scores({check.id: Verdict.MET for check in CHECKS}), ()) == 100
    assert overall_score(dimension_scores({}), ()) == 0


def test_the_lowest_cap_counts() -> None:
    scores = dimension_scores({check.id: Verdict.MET for check in CHECKS})
    caps = (Cap("missing_must", 75, "K1", ""), Cap("secret", 40, "R6", ""))

    assert overall_score(scores, caps) == 40


@pytest.mark.parametrize(
    ("overall", "band"),
    [
        (100, "ready"),
        (85, "ready"),
        (84.9, "usable"),
        (70, "usable"),
        (69.9, "weak"),
        (40, "weak"),
        (39.9, "poor"),
        (0, "poor"),
    ],
)
def test_bands(overall: float, band: str) -> None:
    assert band_of(overall) == band


def test_halves_round_up() -> None:
    assert rounded(84.95) == 85.0
    assert rounded(84.94) == 84.9
