"""The budget: what GPU time costs, and how much of it may be spent."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from swiftci.config.read import Section
from swiftci.config.yaml import Node, finite
from swiftci.spec.option import option
from swiftci.spec.problem import Problem, nearest, quoted

CAPS = ("run", "branch", "person", "month")
"""Keys that bound spending; all but `run` count a calendar month."""

PRICE_MAX = 1_000_000
_CURRENCY = re.compile("[A-Z]{3}")


@dataclass(frozen=True, kw_only=True)
class Budget(Section):
    """What GPU time costs, and how much of it may be spent; months are calendar months in UTC."""

    gpu_hour: float = option("Price of one GPU for one hour.")
    pools: dict[str, float] = option(
        "Other prices, by a runner's label or group; the first that the runner has is taken.", factory=dict
    )
    currency: str = option("Currency of every amount here, by its three letters.", default="CNY")
    run: float | None = option("What one run may cost: its training is stopped then, and saved.", default=None)
    month: float | None = option("What all runs of a month may cost.", default=None)
    branch: float | None = option("What the runs of one branch may cost in a month.", default=None)
    person: float | None = option("What the runs that one person starts may cost in a month.", default=None)

    def price(self, names: Iterable[str]) -> tuple[str, float]:
        """The pool of a runner with these labels and this group, and its price; the pool is empty for `gpu_hour`."""
        own = {name.lower() for name in names}  # GitHub compares labels so
        found = next((pool for pool in self.pools if pool.lower() in own), "")
        return found, self.pools[found] if found else self.gpu_hour

    @classmethod
    def check(cls, node: Node, problems: list[Problem]) -> None:
        pools = node.entries.get("pools")
        prices = {f"pools.{key}": item for key, item in pools.entries.items()} if pools else {}
        if "gpu_hour" in node.entries:
            prices["gpu_hour"] = node.entries["gpu_hour"]
        for key, item in prices.items():
            if _number(item) and not 0 <= item.value <= PRICE_MAX:
                message = f"budget.{key} should be 0 to {PRICE_MAX:,}, found {item.describe}"
                problems.append(Problem(code="wrong-value", message=message, position=item.position))
        for key in CAPS:
            cap = node.entries.get(key)
            if cap and _number(cap) and cap.value <= 0:
                message = f"budget.{key} should be more than 0, found {cap.describe}"
                hint = "leave the key out where nothing shall be bounded"
                problems.append(Problem(code="wrong-value", message=message, position=cap.position, hint=hint))
        currency = node.entries.get("currency")
        if currency and currency.kind == "scalar" and currency.text and not _CURRENCY.fullmatch(currency.text):
            message = f"budget.currency should be three capital letters, found {currency.describe}"
            problems.append(
                Problem(code="wrong-value", message=message, position=currency.position, hint="as in CNY or USD")
            )


def check_pools(project: Node, default: tuple[str, ...], problems: list[Problem]) -> None:
    """Whether each pool is some runner's: with a slip of the pen the price would be another, and nobody told.

    `default` is the labels of the GPU runner where the project names none.
    """
    pools = project.at("budget.pools")
    runners = [node for key in ("runners.gpu", "head.runner") if (node := project.at(key))]
    known = [text for runner in runners for text in _names(runner)]
    if project.at("runners.gpu") is None:
        known += default
    for pool, place in pools.keys.items() if pools else ():
        if pool.lower() not in {name.lower() for name in known}:
            close = nearest(pool, known)
            hint = f"did you mean {quoted(close)}?" if close else "possible: " + ", ".join(known)
            message = f"budget.pools: {quoted(pool)} is no label or group of a GPU runner"
            problems.append(Problem(code="wrong-value", message=message, position=place, hint=hint))


def _names(runner: Node) -> Iterator[str]:
    parts = [runner.entries[key] for key in ("labels", "group") if key in runner.entries] or [runner]
    yield from (item.text for part in parts for item in part.walk() if item.kind == "scalar" and item.text)


def _number(node: Node) -> bool:
    return type(node.value) in (int, float) and finite(node.value)
