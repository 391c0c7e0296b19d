"""The arithmetic of `peqa-1`, the same for every engine: verdicts in, scores out; no model is ever asked for
a number.

`dimension = 100·Σwv/Σw` over the applicable checks (met 1, partly ½, not 0); `overall = Σ weight·dimension`
over the dimensions that have an applicable check, their weights made to add up to 1; then the caps.
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal

from generation_service.peqa.rubric import BANDS, CHECKS, DIMENSION_WEIGHTS
from generation_service.peqa.values import Band, Cap, Dimension, Verdict

_VALUES: dict[Verdict, float] = {Verdict.MET: 1.0, Verdict.PARTLY: 0.5, Verdict.NOT: 0.0}


def dimension_scores(verdicts: Mapping[str, Verdict]) -> dict[Dimension, float | None]:
    """The score of each dimension, 0 to 100 and unrounded; None when none of its checks is applicable."""
    scores: dict[Dimension, float | None] = {}
    for dimension in Dimension:
        applicable = [
            (check.weight, _VALUES[verdicts[check.id]])
            for check in CHECKS
            if check.dimension is dimension and verdicts.get(check.id) in _VALUES
        ]
        total = sum(weight for weight, _ in applicable)
        scores[dimension] = 100 * sum(weight * value for weight, value in applicable) / total if total else None
    return scores


def overall_score(scores: Mapping[Dimension, float | None], caps: Sequence[Cap]) -> float:
    """The overall score with one decimal; 0 when nothing could be judged."""
    judged = {dimension: score for dimension, score in scores.items() if score is not None}
    weight = sum(DIMENSION_WEIGHTS[dimension] for dimension in judged)
    total = sum(DIMENSION_WEIGHTS[dimension] * score for dimension, score in judged.items())
    overall = total / weight if weight else 0.0
    return rounded(min([overall, *(cap.limit for cap in caps)]))


def rounded(score: float) -> float:
    """The score with one decimal, halves up, so that 84.95 reads 85.0 everywhere."""
    return float(Decimal(repr(round(score, 6))).quantize(Decimal("0.1"), rounding=ROUND_HALF_UP))


def band_of(overall: float) -> Band:
    """The band of an overall score."""
    return next(band for least, band in BANDS if overall >= least)
