"""The words of a message, in each language of the project."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Words:
    """One language's; `verdicts` end the sentence that a config's name begins.

    `changes` are by whether it is one for the better, and whether less is better of its metric.
    """

    verdicts: Mapping[str, str]
    again: str
    colon: str
    semicolon: str
    pull: str
    run: str
    changes: Mapping[tuple[bool, bool], str]
    base: str
    points: str
    spent: str
    scope: str
    no_verdict: str
    override: str
    warn: str
    more: str
    actor: str
    commit: str
    report: str


WORDS: Mapping[str, Words] = {
    "en": Words(
        verdicts={
            "pass": "passed",
            "fail": "failed",
            "inconclusive": "is inconclusive",
            "invalid": "is invalid",
            "skipped": "was skipped",
            "running": "has no verdict",
        },
        again="passes again",
        colon=": ",
        semicolon="; ",
        pull="this pull request",
        run="this run",
        changes={
            (True, False): "{who} improves {metric} by {amount} ({against}95 % interval {low} to {high})",
            (True, True): "{who} improves {metric}, down by {amount} ({against}95 % interval {low} to {high})",
            (False, False): "{who} worsens {metric} by {amount} ({against}95 % interval {low} to {high})",
            (False, True): "{who} worsens {metric}, up by {amount} ({against}95 % interval {low} to {high})",
        },
        base="against the model before training, ",
        points="{} points",
        spent="{key}: {amount} of {cap} are used or reserved",
        scope=" ({})",
        no_verdict="the gate did not come to one; its log says why",
        override="accepted by {by}: {reason}",
        warn="the gate only warns: nothing is blocked",
        more="… and {} more in the report",
        actor="by {}",
        commit="commit {}",
        report="Run and report",
    ),
    "zh": Words(
        verdicts={
            "pass": "通过",
            "fail": "未通过",
            "inconclusive": "无法判定",
            "invalid": "无效",
            "skipped": "已跳过",
            "running": "没有结论",
        },
        again="恢复通过",
        colon="：",
        semicolon="；",
        pull="本次 PR ",
        run="本次运行",
        changes={
            (True, False): "{who}提升 {metric} {amount}（{against}95% 区间 {low} 至 {high}）",
            (True, True): "{who}改善 {metric}，降低 {amount}（{against}95% 区间 {low} 至 {high}）",
            (False, False): "{who}使 {metric} 下降 {amount}（{against}95% 区间 {low} 至 {high}）",
            (False, True): "{who}使 {metric} 变差，升高 {amount}（{against}95% 区间 {low} 至 {high}）",
        },
        base="与训练前的模型相比，",
        points="{} 个百分点",
        spent="{key}：已用或预留 {amount}，上限 {cap}",
        scope="（{}）",
        no_verdict="门禁未能完成，原因见日志",
        override="由 {by} 放行：{reason}",
        warn="门禁只警告，不阻止合并",
        more="……另有 {} 条，见报告",
        actor="触发者 {}",
        commit="提交 {}",
        report="运行与报告",
    ),
}
