"""Reports of large runs: 67 subsets, thousands of flipped items, long prompts, long logs."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from swiftci.evidence import chart, chart_training, metric
from swiftci.evidence.curves import curves
from swiftci.evidence.points import Point
from swiftci.evidence.view import View
from swiftci.evidence.words import WORDS
from tests.evidence.page import Page, harmless
from tests.evidence.rundir import Run, recorded
from tests.evidence.rundir_large import CMMLU, answers, large
from tests.fake.repository import Repository, make

LINKS = (
    "https://github.com/team/models/actions/runs/41",
    "https://github.com/team/models/pull/7#issuecomment-1",
)


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, View, dict[str, tuple[str, str]]]]:
    """A large run, what is shown of it, and its report in each language; made once."""
    folder = tmp_path_factory.mktemp("large")
    run = large(folder / "run", make(folder / "repository"))
    texts = {language: run.write(language, charts=language == "zh")[:2] for language in sorted(WORDS, reverse=True)}
    yield run, run.view, texts


Big = tuple[Run, View, dict[str, tuple[str, str]]]


def test_page_and_summary_stay_small(big: Big) -> None:
    for markdown, html in big[2].values():
        assert len(html.encode()) < 2_000_000
        assert len(markdown.encode()) < 60_000


def test_page_is_harmless_and_whole(big: Big) -> None:
    for language, (_, html) in big[2].items():
        page = harmless(html, links=LINKS)
        assert {"scores", "slices", "flips", "beside", "training", "trend", "run"} <= set(page.places)
        assert WORDS[language]["slices_table"].format(67) in page.text


def test_every_subset_is_there_and_the_damaged_ones_are_named(big: Big) -> None:
    _, view, texts = big
    (found,) = [one for one in view.slices if one.whole.dataset == "cmmlu"]

    assert {part.subset for part in found.parts} == set(CMMLU)
    assert {part.subset for part in found.worse} == {"college_law", "professional_law", "international_law"}
    assert found.improved == ()
    worse = ", ".join(str(part.subset) for part in found.worse)
    assert WORDS["en"]["slices_worse"].format(worse) in Page(texts["en"][1]).text
    assert worse.replace("_", "\\_") in texts["en"][0]


def test_slices_are_sorted_by_their_difference(big: Big) -> None:
    (found,) = [one for one in big[1].slices if one.whole.dataset == "cmmlu"]
    gains = [part.difference.mean for part in found.parts if part.difference]

    assert len(gains) == 67
    assert gains == sorted(gains)


def test_flipped_items_are_counted_and_some_of_each_subset_shown(big: Big) -> None:
    _, view, texts = big
    page = Page(texts["en"][1])

    assert view.flips.losses + view.flips.gains > 1900
    assert len(view.flips.lost) == len(view.flips.gained) == 100
    assert {one.subset for one in view.flips.lost} == {one.subset for one in view.flips.groups if one.lost}
    assert all((one.was, one.now) == (1.0, 0.0) for one in view.flips.lost)
    assert all((one.was, one.now) == (0.0, 1.0) for one in view.flips.gained)
    assert f"{view.flips.losses:,} were lost and {view.flips.gains:,} gained" in page.text
    assert page.text.index("right before, wrong now") < page.text.index("wrong before, right now")


def test_items_can_be_filtered_by_subset_without_a_script(big: Big) -> None:
    view, html = big[1], big[2]["en"][1]
    options = dict(re.findall(r'<option value="(g\d+)">([^<]*)</option>', html))
    rules = set(re.findall(r"#flips:has\(\[value=\"(g\d+)\"\]:checked\) \.flip:not\(\.\1\) \{ display: none; \}", html))
    shown = re.findall(r'<details class="flip (g\d+)[^"]*"[^>]*>\s*<summary><bdi>([^<]*)</bdi>', html)

    assert len(options) == len(view.flips.groups)
    assert options.keys() == rules
    assert len(shown) == 200
    assert all(options[number].startswith(f"{name}: ") for number, name in shown)


def test_long_prompts_are_cut_in_their_middle_with_their_length(big: Big) -> None:
    run, view, texts = big
    longest = max(len(item.question) for item in metric.read_items(run.folder, "candidate"))
    cuts = [one.prompt for one in (*view.flips.lost, *view.flips.gained) if one.prompt.gap]

    assert longest > 8000
    assert cuts
    assert all(cut.length > 8000 and cut.tail.endswith("题）") for cut in cuts)
    assert "8,1" in texts["zh"][1]
    assert re.search(r"省略 7,\d\d\d 字，全文共 8,\d\d\d 字", texts["zh"][1])


def test_own_prompts_stand_side_by_side(big: Big) -> None:
    view = big[1]

    assert (len(view.beside), view.beside_items) == (50, 60)
    assert list(view.beside[0].answers) == ["base", "baseline", "candidate"]
    assert [cut.head[:3] for cut in view.beside[0].answers.values()] == ["训练前", "基线：", "本次："]


def test_trend_ends_with_this_run(big: Big) -> None:
    (trend,) = [one for one in big[1].trends if one.score.key == "cmmlu.accuracy"]

    assert len(trend.stops) == 21
    assert [stop.own for stop in trend.stops] == [False] * 20 + [True]
    assert all(stop.value.low is not None for stop in trend.stops)


def test_curves_stand_beside_the_baselines_and_nan_is_a_gap(big: Big) -> None:
    view = big[1]
    by_name = {one.name: one for one in view.curves}

    assert list(by_name) == ["loss", "learning_rate", "grad_norm", "memory_gib", "seconds"]
    assert all({line.own for line in one.lines} == {True, False} for one in view.curves)
    assert by_name["loss"].bad == by_name["grad_norm"].bad == ((1500, 1519),)
    assert min(value for line in by_name["loss"].lines for _, value in line.points) > 0
    assert by_name["grad_norm"].logarithmic


def test_charts_are_drawn(big: Big) -> None:
    html = big[2]["zh"][1]

    assert html.count("<svg") == html.count("<figure") == 1 + 2 + 5 + 1
    assert 'id="clip' not in html  # which would be the same in every chart
    assert all(f'svg [stroke="{colour}"]' in html for colour in chart.COLOURS.values())
    assert chart.OWN in html.split("</style>")[1]


def test_without_charts_the_page_says_why_and_the_tables_are_open(big: Big) -> None:
    html = big[2]["en"][1]

    assert "<svg" not in html
    assert WORDS["en"]["no_chart"] in html
    assert "<details open><summary>All 67 subsets in numbers" in html


# ---------------------------------------------------------------------------------------------- other large things


def test_long_curve_is_thinned() -> None:
    points = [Point(step=n, loss=2 + 1 / (n + 1), eval_loss=2.0 if n % 500 == 0 else None) for n in range(20_000)]
    (found,) = curves(points, ())
    drawn = [line for line in found.lines if line.series == "loss"]

    assert all(len(line.points) <= 500 for line in drawn)
    assert len(chart_training.curve(found, WORDS["en"])) < 100_000


def test_five_hundred_metrics_fit(tmp_path: Path, repository: Repository) -> None:
    run = recorded(tmp_path / "run", repository)
    for subject in ("base", "candidate"):
        first = metric.whole(metric.read(run.folder, subject))["general_qa.rouge-l-recall"]
        metrics = [replace(first, dataset=f"benchmark_{n}", metric="accuracy") for n in range(500)]
        metric.write(run.folder, subject, metrics, [])
    markdown, html, _ = run.write("zh", charts=True)

    assert len(markdown.encode()) < 60_000
    assert WORDS["zh"]["more_rows"].format(470) in markdown
    assert len(html.encode()) < 2_000_000
    assert "benchmark_499.accuracy" in html


def test_long_texts_do_not_fill_the_summary(tmp_path: Path, repository: Repository) -> None:
    run = recorded(tmp_path / "run", repository)
    for name in ("train", "evaluate"):
        run.stage(name, "failed", "故障 " * 20_000)
    run.record.resolved["path"] = "x" * 20_000
    markdown = run.write()[0]

    assert len(markdown.encode()) < 60_000


def test_log_of_many_steps_makes_a_small_report(tmp_path: Path, repository: Repository) -> None:
    run = recorded(tmp_path / "run", repository)
    line = json.loads((run.folder / "train" / "logging.jsonl").read_text().splitlines()[0])
    run.logged([line | {"global_step/max_steps": f"{n}/2000", "loss": 5 / n} for n in range(1, 2001)])
    markdown, html, _ = run.write(charts=True)

    assert "2,000 / 2,000" in markdown
    assert len(html) < 300_000
    assert len(markdown) < 10_000


def test_page_of_the_longest_texts_stays_small(tmp_path: Path, repository: Repository) -> None:
    """A quotation mark takes five characters of HTML."""
    run = recorded(tmp_path / "run", repository)
    run.record.resolved["config"]["evaluate"]["show"] = ["cmmlu"]
    for subject, right in (("base", 1.0), ("candidate", 0.0)):
        long = dict.fromkeys(("question", "prediction", "target"), '"' * 8000)
        items = [replace(item, **long) for item in answers(1.0, 1, each=6)]
        run.scored(subject, [replace(item, scores={"accuracy": (right + n) % 2}) for n, item in enumerate(items)])
    _, html, _ = run.write()

    assert len(run.view.flips.lost) == len(run.view.flips.gained) == 100
    assert len(html.encode()) < 1_750_000
