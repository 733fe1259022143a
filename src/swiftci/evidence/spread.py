"""How sure a mean is, where some of its values belong together."""

import math
from collections.abc import Sequence
from statistics import fmean


def standard_error(values: Sequence[float], clusters: Sequence[str]) -> float | None:
    """Of the mean, with one label a value: those of one label are not independent of each other; None for one label.

    By the sums of each cluster's residuals (CR1). Where every label is another it is s/√n, and where clusters are of
    one size it is that of the clusters' means.
    """
    mean = fmean(values)
    sums: dict[str, float] = {}
    for value, cluster in zip(values, clusters, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + value - mean
    units = len(sums)
    if units < 2:
        return None
    return math.sqrt(units / (units - 1) * math.fsum(one * one for one in sums.values())) / len(values)
