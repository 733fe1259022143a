"""Writes the run's report: a page for people, Markdown for the job summary, JSON for machines."""

from dataclasses import dataclass
from pathlib import Path

from swiftci.evidence import report
from swiftci.spec.option import option
from swiftci.stages.gate import judged
from swiftci.stages.stage import Context, Place, Stage
from swiftci.tools.artifact import artifact
from swiftci.tools.runner import write_summary


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """None: it shows what is in the run directory."""


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Where the report is."""

    html: Path = option("The report as one self-contained page.")
    markdown: Path = option("The report as Markdown.")
    results: Path = option("eval_results.json: name, fingerprint, commit, metrics and verdict.")
    kept_as: str = option("Name under which later runs look for this result; another one where it is none.")


def run(inputs: Inputs, context: Context) -> Outputs:
    report.write(context.folder, context.record, context.project.language)
    markdown = context.folder / "report.md"
    write_summary(context.environ, markdown.read_text(encoding="utf-8"))
    return Outputs(
        html=context.folder / "report.html",
        markdown=markdown,
        results=context.folder / "eval_results.json",
        kept_as=_kept_as(context),
    )


def _kept_as(context: Context) -> str:
    """A result that somebody may take for one is named by what it was made from."""
    record = context.record
    if judged(context).verdict == "invalid":
        return f"swiftci-{record.name}-{record.run or 'local'}-{context.environ.get('GITHUB_RUN_ATTEMPT', '1')}-report"
    return artifact(record.name, record.fingerprint)


STAGE = Stage(
    name="report",
    help="Write the report and the job summary.",
    inputs=Inputs,
    outputs=Outputs,
    run=run,
    place=Place.CPU,
    reads=("train", "evaluate", "gate"),
    sees=("GITHUB_STEP_SUMMARY",),
    always=True,
    reusable=False,
)
