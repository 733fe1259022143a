"""Shows the verdict on GitHub: one comment on the pull request, edited in place, and a check run on its commit."""

from collections.abc import Sequence
from dataclasses import dataclass

from swiftci.config.gate import Rule
from swiftci.evidence import comment, markdown
from swiftci.evidence.verdict import Reason
from swiftci.evidence.view import View, gather
from swiftci.spec.option import option
from swiftci.stages.stage import Context, Place, Stage
from swiftci.tools import check_run, pull_comment
from swiftci.tools.check_run import Annotation, Check, Conclusion, Level
from swiftci.tools.github_api import NoAnswer, Refused
from swiftci.tools.pull_request import Pull, here
from swiftci.tools.runner import write_summary

_TOKEN = "GITHUB_TOKEN"  # noqa: S105 -- a variable's name
_NEED = "; the job needs `permissions: {checks: write, pull-requests: write}`"
_LEVELS: dict[str, Level] = {"fail": "failure", "invalid": "failure", "inconclusive": "warning"}


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """None: it shows what is in the run directory."""


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What was written; nothing with a token that may only read, as a fork's."""

    comment: str | None = option("The comment's address.", default=None)
    check: str | None = option("The check run's address.", default=None)


def run(inputs: Inputs, context: Context) -> Outputs:
    pull = here(context.environ)
    if isinstance(pull, str) or (why := _hindrance(context, pull)):
        return _nothing(context, pull if isinstance(pull, str) else why)
    view = gather(context.folder, context.record, context.project.language)
    text = comment.render(view, pull.head if pull.number else "")
    written: dict[str, str | None] = {}
    failed: dict[str, str] = {}
    for what, write in (("comment", _comment), ("check", _check)):
        try:
            written[what] = write(context, pull, view, text)
        except (NoAnswer, Refused) as error:
            status = error.status if isinstance(error, Refused) else 0
            failed[what] = f"{error}{_NEED if status in (401, 403, 404) else ''}"
    if len(failed) > 1 and len(set(failed.values())) == 1:
        return _nothing(context, failed["check"])
    for what, why in failed.items():
        context.progress.line(f"the {what} was not written: {why}; the job summary has it all")
    return Outputs(comment=written.get("comment"), check=written.get("check"))


def _hindrance(context: Context, pull: Pull) -> str:
    """Why nothing can be written; "" where it can be tried."""
    if not context.environ.get(_TOKEN):
        return f"there is no {_TOKEN}"
    return "the pull request is from a fork, whose token may only read" if pull.fork else ""


def _nothing(context: Context, why: str) -> Outputs:
    text = f"nothing was written to GitHub: {why}; the job summary has it all"
    context.progress.line(text)
    write_summary(context.environ, markdown.inert(text))
    return Outputs()


def _comment(context: Context, pull: Pull, view: View, text: str) -> str | None:
    """Where there was nothing to do, a comment of an earlier commit is brought up to date, and none begun."""
    if not pull.number:
        return None
    new = view.verdict != "skipped"
    return pull_comment.put(context.environ, context.environ[_TOKEN], pull, context.record.name, text, new=new)


def _check(context: Context, pull: Pull, view: View, text: str) -> str:
    check = Check(
        name=f"swiftci {context.record.name} verdict",
        conclusion=_conclusion(view),
        title=comment.title(view),
        summary=text,
        url=view.url,
        annotations=_annotations(context, view),
    )
    return check_run.complete(context.environ, context.environ[_TOKEN], pull, check)


def _conclusion(view: View) -> Conclusion:
    """A required check holds with neutral too, so that is only what the run itself ends well with."""
    if view.verdict in ("pass", "skipped"):
        return "success" if view.verdict == "pass" else "skipped"
    return "neutral" if view.found and not view.found.exit else "failure"


def _annotations(context: Context, view: View) -> list[Annotation]:
    """One note for each rule that does not hold, at its line; none for a rule that the config's file does not hold."""
    rules = context.loaded.config.gate.rules
    told: dict[int, list[tuple[Reason, str]]] = {}
    for reason, said in comment.sentences(view):
        number = _rule(rules, reason)
        if number is not None and reason.verdict in _LEVELS:
            told.setdefault(number, []).append((reason, said))
    notes = []
    for number, some in sorted(told.items()):
        node = context.loaded.node.at(f"gate.rules.{number}") or context.loaded.node.at(f"gate.{number}")
        if node is None or node.position.file != context.loaded.path:
            continue
        level = _LEVELS[some[0][0].verdict] if view.found and view.found.exit else "warning"
        message = "\n".join(said for _, said in some)
        notes.append(
            Annotation(
                path=node.position.file,
                line=node.position.line,
                level=level,
                title=rules[number].metric,
                message=message,
            )
        )
    return notes


def _rule(rules: Sequence[Rule], reason: Reason) -> int | None:
    """Which rule a reason is of; None where it is of none."""
    near = [
        n for n, one in enumerate(rules) if one.metric == reason.metric and (one.every or one.subset == reason.subset)
    ]
    same = [n for n in near if _bounds(rules[n], reason) == _bounds(reason, reason)]
    return next(iter([*same, *near]), None)


def _bounds(one: Rule | Reason, reason: Reason) -> tuple[object, ...]:
    """What tells the rules of one metric apart: those of a comparison by its margin, the others by their bounds."""
    return (one.margin, one.improves) if reason.against else (one.at_least, one.at_most)


STAGE = Stage(
    name="comment",
    help="Show the verdict on the pull request and as a check.",
    inputs=Inputs,
    outputs=Outputs,
    run=run,
    place=Place.CPU,
    reads=("gate",),
    sees=(_TOKEN, "GITHUB_STEP_SUMMARY"),
    always=True,
    reusable=False,
)
