"""How a metric went over the last runs, from a history that anybody may have written."""

import json
from pathlib import Path

from swiftci.evidence.measured import Measured
from swiftci.evidence.score import Score
from swiftci.evidence.trend import trends


def test_number_that_is_too_large_counts_as_absent(tmp_path: Path) -> None:
    key, own = "ceval.accuracy", Measured(mean=0.5, items=9, stderr=None, ratio=False)
    values = [10**400, 0.4]
    runs = [{"run": "r", "metrics": {key: {"value": value, "stderr": 10**400, "items": 9}}} for value in values]
    (tmp_path / "trend.json").write_text(json.dumps({"runs": runs}))
    score = Score(key=key, dataset="ceval", metric="accuracy", candidate=own)

    (found,) = trends(tmp_path, [score], "r", None, "pass")
    assert [stop.value.mean for stop in found.stops] == [0.4, 0.5]
