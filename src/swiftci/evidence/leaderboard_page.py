"""The leaderboard's pages, as texts by their paths: the same board gives the same bytes."""

import base64
import hashlib
import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from swiftci.evidence import chart, figures, leaderboard_chart
from swiftci.evidence.leaderboard import Benchmark, Board, Model, Point
from swiftci.evidence.leaderboard_words import WORDS
from swiftci.evidence.ranking import Difference, Row
from swiftci.evidence.texts import brief, fit
from swiftci.spec.template import environment, loader

INDEX, COMPARE, DATA = "index.html", "compare.html", "leaderboard.json"
TOP = 20
"""Of each benchmark, how many of the first are compared with each other on the pages."""
RUNS_MAX = 100
"""Of a model's history, how many runs are shown: the newest."""
TIES_MAX, TIE_MAX = 3, 28
"""Of the ties of a row, how many are named, and in how many characters; the model's own page has all."""
TITLE_MAX = 80

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_WEB = re.compile(r"https?://[!-~]+")
_RUN = re.compile(r"(https?://[A-Za-z0-9.:-]+/[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+)/actions/runs/[0-9]+")
_COMMIT = re.compile(r"([0-9a-f]{7,64})\+?")


def pages(board: Board, language: str) -> dict[str, str]:
    """Every page, and the ranking as JSON for other programs."""
    site = _Site(board, language)
    found = {INDEX: site.index(), COMPARE: site.compare()}
    found |= {site.path(name): site.model(one) for name, one in board.models.items()}
    found[DATA] = _text(site.data())
    return found


@dataclass(frozen=True)
class _Site:
    board: Board
    language: str

    @property
    def words(self) -> dict[str, str]:
        return WORDS[self.language]

    def path(self, name: str) -> str:
        return f"models/{slug(name)}.html"

    def title(self, name: str) -> str:
        return brief(self.board.models[name].title, TITLE_MAX)

    def index(self) -> str:
        newest = max((one.points[-1].time for one in self.board.models.values()), default=None)
        counts = self.words["counts"].format(
            models=_counted(self.words, "model", len(self.board.models)),
            benchmarks=_counted(self.words, "benchmark", len(self.board.benchmarks)),
            day=_day(newest),
        )
        benchmarks = [self._benchmark(one) for one in self.board.benchmarks]
        models = [self._model(one) for one in self.board.models.values()]
        return self._page("leaderboard_index.html.j2", counts=counts, benchmarks=benchmarks, models=models)

    def _model(self, one: Model) -> dict[str, Any]:
        title, path, last = self.title(one.name), self.path(one.name), one.points[-1]
        return {"title": title, "path": path, "trained": one.trained, "runs": len(one.points), **self._of(last)}

    def _of(self, point: Point) -> dict[str, Any]:
        """A run's facts; links lead to the web, and nowhere else."""
        commit, run = _COMMIT.fullmatch(point.revision), _RUN.fullmatch(point.url)
        return {
            "day": _day(point.time),
            "run": brief(point.run, 40),
            "url": point.url if _WEB.fullmatch(point.url) else "",
            "verdict": self.words.get(point.verdict, ""),
            "commit": brief(point.revision, 10).rstrip("…"),
            "commit_url": f"{run[1]}/commit/{commit[1]}" if commit and run else "",
        }

    def _benchmark(self, one: Benchmark) -> dict[str, Any]:
        rows = one.ranking.rows
        charted = [(self.title(row.model), row.value) for row in rows]
        svg = leaderboard_chart.ranking(charted, self.words, ratio=one.ratio) if len(rows) > 1 else ""
        return {
            "id": slug(one.key),
            "dataset": brief(one.dataset, TITLE_MAX),
            "metric": brief(one.metric, TITLE_MAX),
            "lower": one.lower,
            "svg": svg,
            "rows": [self._row(row, one) for row in rows],
        }

    def _row(self, row: Row, one: Benchmark) -> dict[str, Any]:
        shown = [brief(self.title(name), TIE_MAX) for name in self._first(row.ties, one)[:TIES_MAX]]
        more = len(row.ties) - len(shown)
        return {
            "rank": row.rank,
            "last": row.rank + len(row.ties),
            "title": self.title(row.model),
            "path": self.path(row.model),
            "value": figures.value(row.value.mean, ratio=one.ratio),
            "interval": figures.span(row.value.low, row.value.high, ratio=one.ratio),
            "items": row.value.items,
            "ties": self.words["comma"].join([*shown, *([self.words["and_more"].format(more)] if more else [])]),
            **self._of(self.board.models[row.model].points[-1]),
        }

    def _first(self, names: Iterable[str], one: Benchmark) -> list[str]:
        """Models in the order of the ranking."""
        wanted = set(names)
        return [row.model for row in one.ranking.rows if row.model in wanted]

    def model(self, one: Model) -> str:
        measured = [
            found for found in self.board.benchmarks if any(row.model == one.name for row in found.ranking.rows)
        ]
        shown = list(one.points[-RUNS_MAX:])
        benchmarks = [
            self._benchmark(found)
            | {"own": next(self._row(row, found) for row in found.ranking.rows if row.model == one.name)}
            | {"ratio": found.ratio, "count": len(found.ranking.rows)}
            | {"svg": leaderboard_chart.history(shown, found.key, self.words, ratio=found.ratio)}
            | {"others": self._others(one.name, found)}
            for found in measured
        ]
        points = [
            self._of(point) | {"values": [self._valued(point, found) for found in measured]}
            for point in reversed(shown)
        ]
        return self._page(
            "leaderboard_model.html.j2",
            model=self._model(one),
            benchmarks=benchmarks,
            points=points,
            older=len(one.points) - len(shown),
        )

    def _valued(self, point: Point, one: Benchmark) -> tuple[str, str]:
        found = point.values.get(one.key)
        if found is None:
            return figures.NONE, ""
        return figures.value(found.mean, ratio=one.ratio), figures.span(found.low, found.high, ratio=one.ratio)

    def _others(self, name: str, one: Benchmark) -> list[dict[str, Any]]:
        others = [row.model for row in one.ranking.rows if row.model != name][:TOP]
        return [
            {"title": self.title(other), "path": self.path(other)}
            | self._difference(one.ranking.between(name, other), one)
            for other in others
        ]

    def _difference(self, found: Difference, one: Benchmark) -> dict[str, Any]:
        return {
            "difference": figures.change(found.mean, ratio=one.ratio),
            "interval": figures.change_span(found.low, found.high, ratio=one.ratio),
            "outcome": {True: "better", False: "worse", None: "tie"}[found.better],
            "by": self.words["by_items"].format(found.items) if found.items else self.words["by_intervals"],
        }

    def compare(self) -> str:
        """Any two of the first of each benchmark: a small script looks them up in a table."""
        script = loader().get_source(environment(html=True), "leaderboard.js")[0]
        models = sorted(
            {row.model for one in self.board.benchmarks for row in one.ranking.rows[:TOP]},
            key=lambda name: (self.title(name).lower(), name),
        )
        numbers = {name: number for number, name in enumerate(models)}
        keys = ("difference", "interval", "outcome", "by")
        data = {
            "models": [{"title": self.title(name), "path": self.path(name)} for name in models],
            "words": {key: self.words[key] for key in ("better", "worse", "tie", "not_compared")},
            "benchmarks": [
                {
                    "title": f"{brief(one.dataset, TITLE_MAX)} · {brief(one.metric, TITLE_MAX)}",
                    "scores": {
                        str(numbers[row.model]): figures.value(row.value.mean, ratio=one.ratio)
                        for row in one.ranking.rows[:TOP]
                    },
                    "pairs": {
                        f"{numbers[row.model]}-{numbers[other.model]}": [found[key] for key in keys]
                        for row in one.ranking.rows[:TOP]
                        for other in one.ranking.rows[:TOP]
                        if row is not other
                        for found in [self._difference(one.ranking.between(row.model, other.model), one)]
                    },
                }
                for one in self.board.benchmarks
            ],
        }
        embedded = json.dumps(data, ensure_ascii=True, separators=(",", ":"), sort_keys=True).replace("<", "\\u003c")
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        return self._page(
            "leaderboard_compare.html.j2", script=script, hash=digest, data=embedded, models=data["models"], top=TOP
        )

    def data(self) -> dict[str, Any]:
        """The ranking for other programs; by it the folder is known as a leaderboard's."""
        return {
            "schema": 1,
            "benchmarks": [
                {
                    "dataset": fit(one.dataset),
                    "metric": fit(one.metric),
                    "direction": "lower_is_better" if one.lower else "higher_is_better",
                    "models": [self._data(row) for row in one.ranking.rows],
                }
                for one in self.board.benchmarks
            ],
        }

    def _data(self, row: Row) -> dict[str, Any]:
        model = self.board.models[row.model]
        last = model.points[-1]
        return {
            "rank": row.rank,
            "ties": [fit(name) for name in row.ties],
            "model": fit(model.title),
            "name": fit(row.model),
            "value": row.value.mean,
            "low": row.value.low,
            "high": row.value.high,
            "items": row.value.items,
            "run": fit(last.run),
            "commit": fit(last.revision),
        }

    def _page(self, template: str, **values: Any) -> str:
        found = environment(html=True).get_template(template)
        return found.render(w=self.words, language=self.language, colours=chart.COLOURS, **values)


def slug(name: str) -> str:
    """A name as a file's or an anchor's: readable, safe everywhere, and no other name's, whatever case counts for."""
    readable = _UNSAFE.sub("-", name)[:40].strip("-")
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{readable}-{digest}" if readable else digest


def _counted(words: Mapping[str, str], what: str, count: int) -> str:
    return words[f"count_{what}" if count == 1 else f"count_{what}s"].format(count)


def _day(seconds: float | None) -> str:
    try:
        return time.strftime("%Y-%m-%d", time.gmtime(seconds)) if seconds is not None else figures.NONE
    except (OverflowError, ValueError, OSError):
        return figures.NONE  # no such year


def _text(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
