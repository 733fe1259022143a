"""The gate section: what a result must meet, and what it is compared with."""

from dataclasses import dataclass
from typing import ClassVar, TypeGuard

from swiftci.config.read import Section
from swiftci.config.yaml import Node
from swiftci.spec.option import option
from swiftci.spec.problem import Problem, nearest, quoted

TRAINING = "train"
"""What stands for the data set in the metrics of the training itself, as in `train.loss`."""
CONDITIONS = ("at_least", "at_most", "margin", "improves")


@dataclass(frozen=True, kw_only=True)
class Rule(Section):
    """One condition that a result must meet."""

    metric: str = option("Data set and metric, as in `ceval.accuracy`; `train.loss` and the like of the training.")
    subset: str | None = option("The subset of the data set; the whole of it when absent.", default=None)
    every: str | None = option(
        "`subset`: the rule guards each subset of the data set, and fails where one is shown to break it.",
        default=None,
        choices=("subset",),
    )
    at_least: float | None = option("The smallest value that passes.", default=None)
    at_most: float | None = option("The largest value that passes.", default=None)
    margin: float | None = option(
        "How much worse than what it is compared with it may be, in the metric's own unit: 0.02 are two points.",
        default=None,
    )
    improves: bool = option("It must be shown to be better than what it is compared with.", default=False)
    against: str = option(
        "What `margin` and `improves` compare with: the `baseline`, an earlier run; or `base`, the model before.",
        default="baseline",
        choices=("baseline", "base"),
    )

    @property
    def compares(self) -> bool:
        return self.margin is not None or self.improves

    @property
    def described(self) -> str:
        """The rule in a few words."""
        where = f" [{self.subset}]" if self.subset else " in every subset" if self.every else ""
        numbers = (("at least", self.at_least), ("at most", self.at_most))
        said = [f"{word} {number:g}" for word, number in numbers if number is not None]
        if self.margin is not None:
            said.append(f"no more than {self.margin:g} worse than the {self.against}")
        if self.improves:
            said.append(f"better than the {self.against}")
        return f"{self.metric}{where} {' and '.join(said)}"

    @property
    def dataset(self) -> str:
        return self.metric.partition(".")[0]

    @property
    def word(self) -> str:
        """The metric's name within its data set."""
        return self.metric.partition(".")[2]

    @classmethod
    def check(cls, node: Node, problems: list[Problem]) -> None:
        given = {key: node.entries[key] for key in CONDITIONS if key in node.entries}
        said = {
            key: one.value for key, one in given.items() if one.value not in (None, "none") and one.value is not False
        }

        def wrong(message: str, key: str = "", hint: str = "") -> None:
            place = node.entries[key].position if key else node.position
            problems.append(Problem(code="wrong-value", message=message, position=place, hint=hint))

        if not said:
            message = "a rule needs " + ", ".join(CONDITIONS[:-1]) + f" or {CONDITIONS[-1]}"
            problems.append(Problem(code="missing-key", message=message, position=node.position))
        low, high, margin = (said.get(key) for key in CONDITIONS[:3])
        if _number(low) and _number(high) and low > high:
            wrong(f"no value is at least {low} and at most {high}")
        if _number(margin) and margin < 0:
            wrong(f"margin should be 0 or more, found {given['margin'].describe}", "margin")
        if "margin" in said and "improves" in said:
            wrong("a rule has either a margin or improves", "improves", "what improves is never worse by a margin")
        compares = "margin" in said or "improves" in said
        if "against" in node.entries and said and not compares:
            wrong("against says what margin and improves compare with; this rule has neither", "against")
        if "subset" in node.entries and "every" in node.entries:
            wrong("a rule is of one subset, or of every one", "every")
        metric = node.entries.get("metric")
        if metric and metric.text and metric.text.startswith(f"{TRAINING}."):
            for key in ("subset", "every", "margin", "improves"):
                if key in node.entries:
                    wrong(f"{key} is for data sets that were evaluated, and {quoted(metric.text)} is none", key)


def _number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


@dataclass(frozen=True, kw_only=True)
class Gate(Section):
    """When a result is good enough."""

    SHORTHAND: ClassVar[str | None] = "rules"

    rules: tuple[Rule, ...] = option("Conditions on the result; every one must hold.", default=())
    mode: str = option(
        "`warn` says what is wrong and ends well all the same.", default="enforce", choices=("enforce", "warn")
    )
    on_inconclusive: str = option(
        "What an answer that the items do not suffice for is: `neutral` ends well, `fail` does not.",
        default="neutral",
        choices=("neutral", "fail"),
    )
    on_no_baseline: str = option(
        "What a comparison is where there is no earlier run, such as the first time.",
        default="pass",
        choices=("pass", "fail"),
    )
    on_changed_evaluation: str = option(
        "Where the baseline was measured otherwise, by another version or other data: `evaluate` it anew on the GPU, "
        "if its weights are in the store; or `invalid`.",
        default="evaluate",
        choices=("evaluate", "invalid"),
    )
    anchor: str | None = option(
        "A pinned release that every margin holds against too, twice as wide: a folder written by `swiftci baseline`.",
        default=None,
    )

    extend_to: int | None = option(
        "Items to ask of each subset, instead of evaluate.args.limit, where so few leave a comparison inconclusive; "
        "the error is shared out over the two looks.",
        default=None,
    )

    @property
    def looks(self) -> int:
        """How often a result may be looked at."""
        return 2 if self.extend_to else 1

    @property
    def compared(self) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.compares)


def check_metrics(node: Node, datasets: list[str], problems: list[Problem]) -> None:
    """Appends what is wrong with the metrics that rules name; `node` is the whole config's."""
    gate = node.entries.get("gate")
    rules = gate.entries.get("rules") if gate and gate.kind == "map" else gate
    base = node.at("evaluate.base")
    _check_extension(node, problems)
    for rule in rules.items if rules else ():
        against = rule.entries.get("against")
        if against and against.text == "base" and not (base and base.value is True):
            message = "this rule compares with the model before training, which is not measured"
            hint = "set evaluate.base: true"
            problems.append(Problem(code="missing-key", message=message, position=against.position, hint=hint))
        metric = rule.entries.get("metric")
        if metric is None or metric.kind != "scalar" or not metric.text:
            continue
        dataset, _, rest = metric.text.partition(".")
        if rest and (dataset in datasets or dataset == TRAINING):
            continue
        close = nearest(dataset, datasets)
        shown = close or (datasets[0] if datasets else "ceval")
        hint = f"as in {shown}.{rest or 'accuracy'}; data sets under evaluate: {', '.join(datasets) or 'none'}"
        message = f"metric {quoted(metric.text)} names no evaluated data set"
        problems.append(Problem(code="wrong-value", message=message, position=metric.position, hint=hint))


def _check_extension(node: Node, problems: list[Problem]) -> None:
    """Whether there is something to extend, and it becomes more."""
    extend, limit = node.at("gate.extend_to"), node.at("evaluate.args.limit")
    if extend is None or type(extend.value) is not int:
        return
    if limit is None or type(limit.value) is not int:
        message = "gate.extend_to needs evaluate.args.limit, the number of items to begin with"
        problems.append(Problem(code="missing-key", message=message, position=extend.position))
    elif extend.value <= limit.value:
        message = f"gate.extend_to should be more than evaluate.args.limit, {limit.value}, found {extend.describe}"
        problems.append(Problem(code="wrong-value", message=message, position=extend.position))
