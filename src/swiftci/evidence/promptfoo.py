"""Reads what `promptfoo eval -o NAME.json` writes (0.121, results version 3): one data set, called as the file is."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import isclose
from pathlib import Path
from statistics import fmean
from textwrap import shorten
from typing import Any

from swiftci.evidence.fault import Fault, count, number, text
from swiftci.evidence.metric import Item, Metric
from swiftci.evidence.reviews import digest, label
from swiftci.evidence.spread import standard_error

PASS, SCORE = "pass", "score"
"""Whether all assertions of a test held, and their weighted mean; beside these are the metrics that assertions name."""
WHOLE = "default"
_LABEL_MAX = 60


@dataclass(frozen=True)
class Results:
    """One results file; where it has several prompts, each is a subset."""

    path: Path
    data: dict[str, Any]

    @staticmethod
    def knows(data: Mapping[str, Any]) -> bool:
        results = data.get("results")
        return isinstance(results, dict) and {"results", "stats"} <= results.keys() and "config" in data

    @property
    def names(self) -> tuple[str, ...]:
        return (self.path.stem,)

    def read(self, name: str, subject: str, key: str) -> tuple[list[Metric], list[Item]]:
        """The metrics and items of all tests. Raises Fault where they are none."""
        results = self.data["results"]
        if results.get("version") != 3:
            raise Fault(f"it is of version {results.get('version')} of promptfoo's results; version 3 is known")
        rows, prompts = results["results"], results["prompts"]
        _told(rows, results["stats"], prompts)
        labels = _labels(prompts)
        items = list(_items(rows, name, labels, key))
        metrics = list(_metrics(items, name, subject, list(labels.values())))
        if not metrics:
            raise Fault("no test has an assertion, so nothing was measured")
        return metrics, items


def _told(rows: list[dict[str, Any]], stats: dict[str, Any], prompts: list[dict[str, Any]]) -> None:
    """Raises Fault where the rows are not what the file says of them, or a test did not come to an answer."""
    if not rows:
        raise Fault("it holds no test")
    failed = [row for row in rows if row.get("failureReason") == 2]
    judged = [one for row in rows for one in _parts(row) if (one.get("metadata") or {}).get("graderError")]
    if judged:
        why = shorten(str(judged[0].get("reason") or ""), 160, placeholder=" …")
        raise Fault(f"the judge failed in {len(judged)} assertions, which count as wrong answers: {why}")
    if failed or stats["errors"]:
        why = shorten(str(failed[0].get("error") or "") if failed else "", 160, placeholder=" …")
        said = f": {why}" if why else ""
        raise Fault(f"{max(len(failed), stats['errors'])} of {len(rows)} tests ended with an error{said}")
    passed = sum(row["success"] is True for row in rows)
    if (passed, len(rows)) != (stats["successes"], stats["successes"] + stats["failures"]):
        told = f"{stats['successes']} of {stats['successes'] + stats['failures']}"
        raise Fault(f"{told} tests passed by its summary, {passed} of {len(rows)} by its rows")
    for place, prompt in enumerate(prompts):
        scores = [number(row["score"], "a score") for row in rows if row["promptIdx"] == place]
        total = number(prompt["metrics"]["score"], "a prompt's score")
        if not isclose(sum(scores), total, rel_tol=1e-6, abs_tol=1e-6):
            raise Fault(f"the scores of a prompt are {total} by its summary, {sum(scores):.4f} by its rows")


def _parts(row: dict[str, Any]) -> list[dict[str, Any]]:
    """What came of each assertion of a test; of one without any, nothing."""
    return (row.get("gradingResult") or {}).get("componentResults") or []


def _labels(prompts: list[dict[str, Any]]) -> dict[int, str]:
    """A subset for each prompt. Raises Fault where they were put to several models."""
    models = list(dict.fromkeys(str(prompt["provider"]) for prompt in prompts))
    if len(models) > 1:
        raise Fault(f"it is of {len(models)} models ({', '.join(models)}), and a run has one; evaluate it alone")
    if len(prompts) == 1:
        return {0: WHOLE}
    found: dict[int, str] = {}
    for place, prompt in enumerate(prompts):
        words = " ".join(text(prompt["label"]).split())
        fits = 0 < len(words) <= _LABEL_MAX and words not in found.values()
        found[place] = words if fits else f"prompt-{place + 1}-{digest(prompt['raw'])[:8]}"
    return found


def _items(rows: list[dict[str, Any]], name: str, labels: dict[int, str], key: str) -> Iterator[Item]:
    """One item a test and prompt; tests that are the same are one that was repeated."""
    seen: dict[tuple[int, str], int] = {}
    of: dict[tuple[int, str], int] = {}
    for row in rows:
        place = (count(row["promptIdx"], "promptIdx"), _test(row))
        of[place] = of.get(place, 0) + 1
    for row in sorted(rows, key=lambda row: (count(row["testIdx"], "testIdx"), row["promptIdx"])):
        prompt, test = place = (row["promptIdx"], _test(row))
        number_ = seen[place] = seen.get(place, -1) + 1
        yield Item(
            dataset=name,
            subset=labels[prompt],
            index=f"{test}/{number_}" if of[place] > 1 else test,
            prompt=digest(row["prompt"]["raw"]),
            scores=_scores(row),
            prediction=text((row.get("response") or {}).get("output") or ""),
            target=text(_expected(row)),
            question=text(row["prompt"]["raw"]),
            cluster=_cluster(row, key, test, several=len(labels) > 1),
        )


def _cluster(row: dict[str, Any], key: str, test: str, *, several: bool) -> str:
    """What the config names; else one test's answers to several prompts belong together."""
    if key:
        return label(row["vars"], key, f"test {row['testIdx']}")
    return test if several else ""


def _test(row: dict[str, Any]) -> str:
    """A test by what is in it: its place changes where another is put before it."""
    case = row["testCase"]
    return digest([json.dumps(row["vars"], sort_keys=True), json.dumps(case.get("assert"), sort_keys=True)])[:12]


def _scores(row: dict[str, Any]) -> dict[str, float]:
    """A test's values; one without assertions passes always, and has none."""
    if not _parts(row):
        return {}
    found = {PASS: number(row["success"], "success", flags=True), SCORE: number(row["score"], "a score")}
    for name, value in (row.get("namedScores") or {}).items():
        if name in found:
            raise Fault(f"a metric is called {name!r}, as promptfoo's own is; give it another name")
        found[name] = number(value, name)
    return found


def _expected(row: dict[str, Any]) -> str:
    """The assertions in a few words; of one that is equal to a text, that text."""
    found = [one for one in row["testCase"].get("assert") or () if isinstance(one, dict)]
    if len(found) == 1 and found[0].get("type") == "equals":
        return text(found[0].get("value"))
    return "\n".join(f"{one.get('type')}: {text(one.get('value', ''))}" for one in found)


def _metrics(items: list[Item], name: str, subject: str, subsets: list[str]) -> Iterator[Metric]:
    """Each metric over all tests that carry it, and over those of each prompt."""
    for word in dict.fromkeys(word for item in items for word in item.scores):
        whole = _metric([item for item in items if word in item.scores], name, subject, word)
        yield whole
        if len(subsets) > 1:
            for subset in subsets:
                some = [item for item in items if word in item.scores and item.subset == subset]
                if some:
                    yield replace(_metric(some, name, subject, word), subset=subset)


def _metric(items: list[Item], name: str, subject: str, word: str) -> Metric:
    values = [item.scores[word] for item in items]
    units = [item.cluster or f"{item.subset}\0{item.index.partition('/')[0]}" for item in items]
    return Metric(
        subject=subject,
        dataset=name,
        subset=None,
        metric=word,
        value=fmean(values),
        items=len(values),
        stderr=standard_error(values, units),
        primary=word == PASS,
    )
