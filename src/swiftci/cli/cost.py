"""swiftci cost"""

import os
from typing import Any

import click

from swiftci.cli import load
from swiftci.cli.columns import harmless
from swiftci.cli.output import print_json, show_problems
from swiftci.cli.table import table
from swiftci.config.budget import Budget
from swiftci.spec.problem import ConfigError, Problem
from swiftci.store.ledger import Ledger
from swiftci.store.ledger_files import MONTH
from swiftci.store.spending import Sum, money, total

FIELDS = {"model": "name", "person": "person", "branch": "branch"}
BAR = 20
"""Columns of a bar that stands for a whole cap."""


def _month(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    if text is not None and not MONTH.fullmatch(text):
        raise click.BadParameter(f"{text!r} is no month; write it as in 2026-11")
    return text


@click.command()
@click.option("--month", callback=_month, metavar="YYYY-MM", help="The month, in UTC; this one when absent.")
@click.option(
    "--by", type=click.Choice([*FIELDS, "month"]), default="model", help="What is added up; by month shows all months."
)
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", help="How it is printed.")
def command(month: str | None, by: str, style: str) -> None:
    """Show what GPU time cost, what is reserved, and how much of the budget that is."""
    problems: list[Problem] = []
    budget, ledger = _ledger(problems)
    months = [month or ledger.month()] if month or by != "month" else ledger.files.months()
    pages = [ledger.page(one) for one in months]
    sums = {page.month: total(page.lines) for page in pages if page.lines}
    rows = sums if by == "month" else ledger.spent(months[0], FIELDS[by])  # type: ignore[arg-type] # one of By
    whole = total(line for page in pages for line in page.lines)
    faults = [fault for page in pages for fault in page.faults]
    if style == "json":
        shown = [_as_json(key, one, getattr(budget, by, None)) for key, one in rows.items()]
        caps = {"run": budget.run, "month": budget.month, "branch": budget.branch, "person": budget.person}
        about = {"month": None if by == "month" else months[0], "by": by, "currency": budget.currency, "caps": caps}
        print_json({**about, "rows": shown, "total": _as_json(None, whole, None), "faults": faults})
        return
    show_problems([Problem(code="unreadable", message=one, severity="notice") for one in faults], os.environ)
    if not rows:
        print(f"nothing was spent in {months[0]}" if months else "nothing was spent yet")
        return
    print(f"{'all months' if by == 'month' and not month else months[0]}, in {budget.currency}\n")
    last = _row("total", whole, budget.month if len(months) == 1 else None)
    head = [by, "runs", "GPU hours", "spent", "reserved", ""]
    print(table([head, *(_row(key, one, getattr(budget, by, None)) for key, one in rows.items()), last], range(1, 5)))


def _ledger(problems: list[Problem]) -> tuple[Budget, Ledger]:
    from swiftci.engine.session import open_store
    from swiftci.store.ledger_files import Folder

    root, project = load.project(problems)
    if project.budget is None:
        hint = "as in budget: {gpu_hour: 12.5, month: 5000}"
        raise ConfigError([Problem(code="usage", message="swiftci.yaml has no budget, so no cost is kept", hint=hint)])
    store = open_store(root, project, os.environ)
    if store is None or store.local is None:
        message = f"no ledger is kept in {store.where}" if store else "no store is set, so no ledger outlives a job"
        raise ConfigError([Problem(code="usage", message=message, hint="name a folder as `store:` in swiftci.yaml")])
    return project.budget, Ledger(Folder(store.local / "ledger"), project.budget)


def _as_json(key: str | None, one: Sum, cap: float | None) -> dict[str, Any]:
    numbers = {"runs": len(one.runs), "gpu_hours": one.gpu_hours, "spent": one.spent, "reserved": one.held}
    return ({} if key is None else {"key": key, "cap": cap}) | numbers


def _row(key: str, one: Sum, cap: float | None) -> list[str]:
    name = " ".join(harmless(key).split()) or "-"
    return [name, str(len(one.runs)), f"{one.gpu_hours:,.1f}", money(one.spent), money(one.held), bar(one, cap)]


def bar(one: Sum, cap: float | None) -> str:
    """How much of a cap is gone: spent, then reserved, then free."""
    if cap is None:
        return ""
    spent = min(BAR, round(BAR * one.spent / cap))
    gone = max(spent, min(BAR, round(BAR * one.total / cap)))
    return f"{'█' * spent}{'▒' * (gone - spent)}{'░' * (BAR - gone)} {one.total / cap:.0%} of {money(cap)}"
