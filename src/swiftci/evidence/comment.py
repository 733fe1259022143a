"""A run as one comment on its pull request: what came out and why, in as much text as GitHub takes."""

import math
from dataclasses import dataclass

from swiftci.evidence import figures, mermaid
from swiftci.evidence.interval import Estimate
from swiftci.evidence.markdown import address, inert, tagged
from swiftci.evidence.score import Score, Slices
from swiftci.evidence.verdict import Reason
from swiftci.evidence.view import View
from swiftci.spec.template import environment
from swiftci.tools.override import COMMAND, PLACEHOLDER

BYTES_MAX = 65_000
"""A comment may have 65,536 characters, and a check run's summary 65,535; Chinese ones are counted as three here."""
_ROWS = (30, 12, 4, 0)
"""Rows of a table: as many as leave the whole short enough."""
_SLICES_MAX = 8
"""Data sets whose subsets are listed."""
_REASONS_MIN = 5

_MARKS = {"pass": "✅", "fail": "❌", "inconclusive": "❔", "invalid": "⚠️", "skipped": "⏭️", "running": "⏳"}

WORDS = {
    "en": {
        "title": "{name}: {verdict}",
        "pass": "pass",
        "fail": "fail",
        "inconclusive": "inconclusive",
        "invalid": "invalid",
        "skipped": "skipped",
        "running": "not judged",
        "override": "✋ Overridden: {by} took the responsibility for commit {commit}: {reason}",
        "warn": "The gate only warns (mode: warn): this verdict blocks nothing.",
        "neutral": "An inconclusive verdict does not fail this run (`on_inconclusive: neutral`).",
        "baseline": "Compared with run {run}{commit}.",
        "base": "Compared with the model before training.",
        "differs": "Not compared with run {run}: it was measured otherwise ({why}).",
        "nothing": "There is no earlier run to compare with.",
        "metric": "Metric",
        "subset": "Subset",
        "before_baseline": "Baseline",
        "before_base": "Before training",
        "before_": "Before",
        "after": "This run",
        "difference": "Difference",
        "interval": "95 % interval",
        "items": "Items",
        "points": "Differences of percentages are in percentage points; ▲ and ▼ stand where one is shown at 95 %.",
        "more": "and {} more",
        "metrics": "{} more metrics are in the report.",
        "subsets": "{dataset}: {count} subsets, {worse} shown to be worse, {better} better",
        "others": "{} more data sets have subsets; they are in the report.",
        "flips": "Of {items} items {lost} were lost and {gained} gained.",
        "training": "Training: {steps} of {max} steps, last loss {loss}",
        "bad": "The loss is not a number at some steps.",
        "chart": "Training loss",
        "chart_both": "Training loss: this run blue, baseline orange",
        "step": "step",
        "loss": "loss",
        "accept": "To accept commit `{commit}` in spite of this, somebody with write access comments",
        "label": "or puts on the label `swiftci: accept`; then re-run the failed job. It counts for this commit alone.",
        "report": "The run, with the whole report as an artifact",
        "judged": "commit {}",
    },
    "zh": {
        "title": "{name}：{verdict}",
        "pass": "通过",
        "fail": "未通过",
        "inconclusive": "无法判定",
        "invalid": "无效",
        "skipped": "已跳过",
        "running": "尚未判定",
        "override": "✋ {by} 对提交 {commit} 人工放行：{reason}",
        "warn": "门禁为 warn 模式：只提示结论，不影响本次运行的退出状态。",
        "neutral": "无法判定时按通过处理（`on_inconclusive: neutral`）。",
        "baseline": "对比对象：运行 {run}{commit}。",
        "base": "对比对象：训练前的模型。",
        "differs": "未与运行 {run} 对比：其评测条件与本次不同（{why}）。",
        "nothing": "没有可以对比的历史运行。",
        "metric": "指标",
        "subset": "子集",
        "before_baseline": "基线",
        "before_base": "训练前",
        "before_": "之前",
        "after": "本次运行",
        "difference": "差值",
        "interval": "95% 区间",
        "items": "题数",
        "points": "百分数的差值单位为百分点；▲ ▼ 表示差异在 95% 水平上成立。",
        "more": "另有 {} 项",
        "metrics": "另有 {} 个指标，见报告。",
        "subsets": "{dataset}：{count} 个子集，{worse} 个被证实变差，{better} 个变好",
        "others": "另有 {} 个数据集含子集，见报告。",
        "flips": "共 {items} 题，{lost} 题由对变错，{gained} 题由错变对。",
        "training": "训练：{steps} / {max} 步，最终损失 {loss}",
        "bad": "部分训练步的损失不是有效数值。",
        "chart": "训练损失",
        "chart_both": "训练损失：蓝色为本次运行，橙色为基线",
        "step": "步",
        "loss": "损失",
        "accept": "若仍要放行提交 `{commit}`，请由有写权限的人评论：",
        "label": "或加上标签 `swiftci: accept`，然后重新运行失败的任务。推送新的提交后不再有效。",
        "report": "本次运行（完整报告在其 artifact 中）",
        "judged": "提交 {}",
    },
}


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A line of a table, ready to be shown."""

    name: str
    before: str
    after: str
    difference: str
    interval: str
    items: str


def render(view: View, head: str = "") -> str:
    """The comment, without the marker that it is found by; also fit for a check run's summary.

    `head` is the pull request's commit that was judged, where the verdict may be overridden for it.
    """
    shown = ""
    for rows in _ROWS:
        shown = _rendered(view, head, rows)
        if len(shown.encode()) <= BYTES_MAX:
            break
    return shown


def sentences(view: View) -> list[tuple[Reason, str]]:
    """The reasons with their sentences, those that decided first."""
    found = view.found
    told = list(zip(found.reasons, view.reasons, strict=False)) if found else []
    return sorted(told, key=lambda one: one[0].verdict != view.verdict)


def title(view: View) -> str:
    """The verdict in one line without markup."""
    words = WORDS[view.language]
    return f"{_MARKS[view.verdict]} {words['title'].format(name=view.record.name, verdict=words[view.verdict])}"


def _rendered(view: View, head: str, rows: int) -> str:
    words = WORDS[view.language]
    told = sentences(view)
    reasons = [(_MARKS[one.verdict], said) for one, said in told[: max(rows, _REASONS_MIN)]]
    sliced = view.slices[: min(rows, _SLICES_MAX)]
    jinja = environment(html=False)
    jinja.filters |= {"inert": inert, "tagged": tagged}
    return jinja.get_template("comment.md.j2").render(
        w=words,
        title=title(view),
        note=_note(view),
        reasons=reasons,
        more_reasons=len(told) - len(reasons),
        compared=_compared(view),
        scores=[_row(one, one.key) for one in view.main[:rows]],
        more_scores=len(view.scores) - len(view.main[:rows]),
        before=words[f"before_{view.against}"],
        slices=[_subsets(one, words, rows) for one in sliced],
        more_slices=len(view.slices) - len(sliced),
        flips=view.flips,
        training=view.training,
        loss=figures.plain(view.training.loss),
        bad=any(one.name == "loss" and one.bad for one in view.curves),
        chart=mermaid.loss(view.curves, words),
        accept=_command(view, head),
        head=head,
        url=address(view.url),
        commit=head or view.record.commit or "",
        started=view.started,
        swiftci=view.record.swiftci,
    )


def _note(view: View) -> str:
    """Why the run ends well in spite of its verdict, where it does."""
    found, words = view.found, WORDS[view.language]
    if found is None:
        return ""
    if found.override:
        one = found.override
        return words["override"].format(by=inert(one.by), commit=one.commit[:12], reason=inert(one.reason))
    if found.exit or found.verdict not in ("fail", "inconclusive"):
        return ""
    return words["warn" if found.mode == "warn" else "neutral"]


def _compared(view: View) -> str:
    words = WORDS[view.language]
    if view.against == "baseline" and view.baseline:
        commit = view.baseline.commit
        return words["baseline"].format(
            run=inert(view.baseline.run, 80), commit=f" ({inert(commit, 12)})" if commit else ""
        )
    said = [words["base"]] if view.against == "base" else []
    if view.baseline is None:
        said.append(words["nothing"])
    elif view.differs:
        said.append(words["differs"].format(run=inert(view.baseline.run, 80), why=inert(", ".join(view.differs), 200)))
    return "\n".join(said)


def _command(view: View, head: str) -> str:
    """What to comment where the verdict can be overridden."""
    found = view.found
    if not head or found is None or not found.exit or found.verdict not in ("fail", "inconclusive"):
        return ""
    return f"{COMMAND} {view.record.name} {head} {PLACEHOLDER}"


def _subsets(found: Slices, words: dict[str, str], rows: int) -> dict[str, object]:
    """A data set's subsets: what is shown to have changed first, the worst before the others."""
    parts = sorted(found.parts, key=lambda part: part.better is None)
    counts = {"count": len(parts), "worse": len(found.worse), "better": len(found.improved)}
    return {
        "title": words["subsets"].format(dataset=found.whole.key, **counts),
        "rows": [_row(part, part.subset or "") for part in parts[:rows]],
        "more": len(parts) - len(parts[:rows]),
    }


def _mean(one: Estimate | None, *, ratio: bool) -> str:
    return figures.value(one.mean if one else None, ratio=ratio)


def _row(score: Score, name: str) -> _Row:
    found, ratio = score.difference, score.ratio
    mark = "" if score.better is None else " ▲" if score.better else " ▼"
    finite = found is not None and math.isfinite(found.low) and math.isfinite(found.high)
    return _Row(
        name=inert(name, 100),
        before=_mean(score.before, ratio=ratio),
        after=_mean(score.candidate, ratio=ratio),
        difference=figures.change(found.mean, ratio=ratio) + mark if found else figures.NONE,
        interval=figures.change_span(found.low, found.high, ratio=ratio) if found and finite else figures.NONE,
        items=f"{score.items:,}",
    )
