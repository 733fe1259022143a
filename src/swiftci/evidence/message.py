"""What people are told of a run: a line that says it all, then why, who did it, and where to read on."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from swiftci.evidence import figures
from swiftci.evidence.message_words import WORDS, Words
from swiftci.evidence.occasion import BAD, Near
from swiftci.evidence.score import Score
from swiftci.evidence.texts import brief
from swiftci.evidence.view import View
from swiftci.spec.template import environment
from swiftci.store.record import Record
from swiftci.store.spending import money
from swiftci.tools.messenger import Form, Letter, Markup, Tone, slack

TITLE_MAX = 200
NAME_MAX = 60
LINE_MAX = 300
LINES_MAX = 12
"""More reasons are for the report."""
LINK_MAX = 500
_PULL = re.compile(r"refs/pull/(\d+)/(merge|head)")
_DECIDED = ("fail", "invalid", "inconclusive")
_ACRONYM = 6
"""A data set's name of so many letters is read as one: CMMLU, GSM8K."""
_URL = ":/?#&=%+~@,;"
"""What of an address stays; brackets would end a link of Markdown, and angles one of Slack."""
_KEPT = "\ufe0f"
"""Makes an emoji of the sign before it."""
_MARKS = {"pass": "✅", "fail": "❌", "inconclusive": "❔", "invalid": "⚠️", "skipped": "⏭️", "running": "⚠️"}


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message as it is, before any markup, with `more` lines left out; `data` is the same for machines."""

    language: str
    tone: Tone
    title: str
    lines: tuple[str, ...]
    more: int
    facts: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    data: Mapping[str, Any] = field(default_factory=dict)


def message(view: View, occasions: Sequence[str], near: Sequence[Near] = ()) -> Message:
    """What to tell of a run, of which these occasions hold."""
    words = WORDS[view.language]
    gist = _gist(view, near, words)
    word = view.found.verdict if view.found else "running"
    said = words.again if "recovery" in occasions else words.verdicts[word]
    title = f"{_MARKS[word]} {_clean(view.record.name, NAME_MAX)} {said}"
    title = _clean(f"{title}{words.colon}{gist}" if gist else title, TITLE_MAX)
    told = [one for one in _lines(view, near, words) if one[1] != gist or title.endswith("…")]
    lines = [_clean(f"{mark} {said}".strip(), LINE_MAX) for mark, said in told[:LINES_MAX]]
    links = _links(view.record, words)
    return Message(
        language=view.language,
        tone="good" if word == "pass" else "bad" if word in ("fail", "invalid", "running") else "open",
        title=title,
        lines=tuple(lines),
        more=len(told) - len(lines),
        facts=_facts(view.record, words),
        links=links,
        data=_data(view, word, occasions, links),
    )


def letter(told: Message, form: Form) -> Letter:
    """The message in a service's form, with as many of its lines as fit."""
    return Letter(title=told.title, text=text(told, form), tone=told.tone, links=told.links, data=told.data)


def text(told: Message, form: Form) -> str:
    """The message's text, within the form's limit whatever it is made of."""
    words, mark = WORDS[told.language], _MARKUPS[form.markup]
    template = environment(html=False).get_template(f"message.{'markdown' if form.markup == 'markdown' else 'text'}.j2")
    shown = ""
    for count in range(len(told.lines), -1, -1):
        left = told.more + len(told.lines) - count
        shown = template.render(
            form=form,
            words=words,
            title=mark(told.title),
            lines=[mark(line) for line in told.lines[:count]],
            left=words.more.format(left) if left else "",
            facts=mark(" · ".join(told.facts)),
            links=told.links,
        ).strip()
        if form.size(shown) <= form.limit:
            return shown
    while form.size(shown) > form.limit:
        shown = shown[: min(len(shown) - 1, len(shown) * form.limit // form.size(shown))]
    return shown


def _inert(text: str) -> str:
    """Text in which Markdown finds nothing to mark, link or mention; how to escape it, neither service says."""
    text = text.translate(_LOOKALIKES).replace("@", "@\u200b")
    return f"＃{text[1:]}" if text.startswith("#") else text


_LOOKALIKES = str.maketrans("<>[]*`~|\\", "＜＞［］＊ˋ～｜＼")
_MARKUPS: Mapping[Markup, Callable[[str], str]] = {"text": str, "markdown": _inert, "slack": slack}


def _gist(view: View, near: Sequence[Near], words: Words) -> str:
    """What matters most: why it failed, else what changed, else what it cost."""
    found, shown = view.found, [one for one in view.main if one.better is not None]
    if found is None:
        return words.no_verdict
    if found.verdict in _DECIDED:
        at = next((i for i, one in enumerate(found.reasons) if one.verdict == found.verdict), 0)
        reason = found.reasons[at] if found.reasons else None
        lost = [one for one in shown if reason and reason.against and not reason.subset and one.key == reason.metric]
        if lost and lost[0].better is False:
            return _change(view, lost[0], words)
        return view.reasons[at] if view.reasons else ""
    if shown:
        return words.semicolon.join(_change(view, one, words) for one in shown[:2])
    if near:
        return _spent(near[0], words)
    return view.reasons[0] if len(view.reasons) == 1 else ""


def _change(view: View, score: Score, words: Words) -> str:
    """A difference that is shown, as in “本次 PR 提升 CMMLU 2.3 个百分点” and its interval."""
    found = score.difference
    if found is None or score.better is None:
        return ""
    sign = 1 if score.better != score.lower else -1
    low, high = sorted((sign * found.low, sign * found.high))
    several = sum(one.dataset == score.dataset for one in view.scores) > 1
    data = score.dataset.upper() if len(score.dataset) <= _ACRONYM and score.dataset.isalnum() else score.dataset
    form = words.changes[score.better, score.lower]
    return form.format(
        who=words.pull if view.record.event == "pull_request" else words.run,
        metric=score.key if several else data,
        amount=words.points.format(_number(sign * found.mean, score))
        if score.ratio
        else _number(sign * found.mean, score),
        against=words.base if score.against == "base" else "",
        low=_number(low, score),
        high=_number(high, score),
    )


def _number(value: float, score: Score) -> str:
    return f"{100 * value:.1f}" if score.ratio else figures.plain(value)


def _spent(one: Near, words: Words) -> str:
    scope = words.scope.format(one.scope) if one.scope else ""
    return words.spent.format(
        key=f"budget.{one.key}{scope}", amount=money(one.amount), cap=f"{money(one.cap)} {one.currency}"
    )


def _lines(view: View, near: Sequence[Near], words: Words) -> list[tuple[str, str]]:
    """Each sentence with its mark, those that decided first."""
    found = view.found
    reasons = list(zip(found.reasons if found else (), view.reasons, strict=False))
    decided = [one for one in reasons if found and one[0].verdict == found.verdict]
    told = [(_MARKS[reason.verdict], said) for reason, said in decided + [one for one in reasons if one not in decided]]
    if found and found.override:
        told.insert(0, ("✋", words.override.format(by=found.override.by, reason=found.override.reason)))
    elif found and found.mode == "warn" and found.verdict in BAD:
        told.insert(0, ("", words.warn))
    changes = [one for one in view.main if one.better is not None]
    told += [("▲" if one.better else "▼", _change(view, one, words)) for one in changes]
    return told + [("💰", _spent(one, words)) for one in near]


def _facts(record: Record, words: Words) -> tuple[str, ...]:
    """Who, what, and by which tool; a robot that asks for a keyword finds `swiftci` in every message."""
    pull = _PULL.fullmatch(record.ref or "")
    branch = f"PR #{pull[1]}" if pull else (record.ref or "").removeprefix("refs/heads/").removeprefix("refs/tags/")
    found = (
        words.actor.format(record.actor) if record.actor else "",
        branch,
        words.commit.format(record.commit[:10]) if record.commit else "",
        f"swiftci {record.swiftci}".strip(),
    )
    return tuple(_clean(one, 2 * NAME_MAX) for one in found if one)


def _links(record: Record, words: Words) -> tuple[tuple[str, str], ...]:
    """The run, where the report is, and its pull request; as GitHub's addresses are made."""
    pull = _PULL.fullmatch(record.ref or "")
    found = [(words.report, record.url)] if record.url else []
    if record.url and pull and "/actions/runs/" in record.url:
        found.append((f"PR #{pull[1]}", f"{record.url.partition('/actions/runs/')[0]}/pull/{pull[1]}"))
    safe = [(name, quote(url, safe=_URL)) for name, url in found if url.startswith(("https://", "http://"))]
    return tuple(one for one in safe if len(one[1]) <= LINK_MAX)


def _data(view: View, word: str, occasions: Sequence[str], links: Sequence[tuple[str, str]]) -> dict[str, Any]:
    record = view.record
    reasons = zip(view.found.reasons if view.found else (), view.reasons, strict=False)
    return {
        "schema": 1,
        "name": record.name,
        "verdict": word,
        "occasions": list(occasions),
        "run": record.run,
        "fingerprint": record.fingerprint,
        "commit": record.commit,
        "ref": record.ref,
        "event": record.event,
        "actor": record.actor,
        "url": record.url,
        "links": [link for _, link in links],
        "reasons": [{"verdict": reason.verdict, "text": said} for reason, said in reasons],
        "scores": [
            {
                "key": one.key,
                "value": _finite(one.candidate.mean if one.candidate else None),
                "difference": _finite(one.difference.mean if one.difference else None),
                "low": _finite(one.difference.low if one.difference else None),
                "high": _finite(one.difference.high if one.difference else None),
                "against": one.against,
                "better": one.better,
            }
            for one in view.scores
        ],
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _clean(text: str, most: int) -> str:
    """One line without anything that cannot be seen, such as what turns the direction of writing."""
    return "".join(c for c in brief(text, most) if c.isprintable() or c in _KEPT)
