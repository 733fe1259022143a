"""The evaluate section: what EvalScope measures, and how the model is reached."""

from dataclasses import dataclass
from typing import ClassVar

from swiftci.config.arguments import Arguments
from swiftci.config.project import URL
from swiftci.config.read import Section
from swiftci.config.yaml import Node
from swiftci.spec.option import option
from swiftci.spec.problem import Position, Problem, nearest, quoted


@dataclass(frozen=True, kw_only=True)
class Serve(Section):
    """Scores the model through a server that `swift deploy` starts: for images, adapters at scale, large models."""

    SHORTHAND: ClassVar[str | None] = "backend"

    backend: str = option(
        "What computes the answers; all but transformers need a GPU and their package.",
        choices=("transformers", "vllm", "sglang", "lmdeploy"),
    )
    args: Arguments = option("Arguments of `swift deploy`.", factory=Arguments)
    start_minutes: int = option("Minutes until it must answer.", default=30)

    @classmethod
    def check(cls, node: Node, problems: list[Problem]) -> None:
        minutes = node.entries.get("start_minutes")
        if minutes and type(minutes.value) is int and minutes.value < 1:
            message = f"evaluate.serve.start_minutes should be 1 or more, found {minutes.describe}"
            problems.append(Problem(code="wrong-value", message=message, position=minutes.position))


@dataclass(frozen=True, kw_only=True)
class Endpoint(Section):
    """A model that is served elsewhere, by an OpenAI-compatible API; its key is the secret of group `endpoint`."""

    url: str = option("Address of the API, as in `https://models.example.com/v1`.")
    model: str = option("The model's name there.")

    @classmethod
    def check(cls, node: Node, problems: list[Problem]) -> None:
        url = node.entries.get("url")
        if url and url.kind == "scalar" and url.text and url.value is not None and not URL.fullmatch(url.text):
            message = "evaluate.endpoint.url is no plain http address"
            hint = "no user, password or query in it; a key belongs into secrets.endpoint"
            place = url.position._replace(source="")  # which may hold that key, and a log would keep it
            problems.append(Problem(code="wrong-value", message=message, position=place, hint=hint))


@dataclass(frozen=True, kw_only=True)
class Evaluate(Section):
    """What EvalScope measures."""

    datasets: tuple[str, ...] = option("EvalScope's names of the data sets.")
    base: bool = option("Score the model before training too.", default=False)
    serve: Serve | None = option(
        "Score through a server of the model; absent, EvalScope loads it itself.", default=None
    )
    endpoint: Endpoint | None = option("Score a model that is served elsewhere.", default=None)
    args: Arguments = option("EvalScope's own arguments.", factory=Arguments)
    clusters: dict[str, str] = option(
        "By data set, what in its items' metadata says which of them belong together, such as a passage's name.",
        factory=dict,
    )
    show: tuple[str, ...] = option("Data sets whose items the report lays side by side, with every answer.", default=())

    @classmethod
    def check(cls, node: Node, problems: list[Problem]) -> None:
        _named(node, problems)
        datasets = node.entries.get("datasets")
        if datasets and datasets.kind == "list" and not datasets.items:
            message = "evaluate.datasets is empty; EvalScope would measure nothing and call it success"
            problems.append(Problem(code="wrong-value", message=message, position=datasets.position))
        serve, endpoint, base = (node.entries.get(key) for key in ("serve", "endpoint", "base"))
        args = node.entries.get("args")
        model_args = args.entries.get("model_args") if args else None
        if model_args and (serve or endpoint):
            message = "evaluate.args.model_args are for a model that EvalScope loads, and this one is served"
            hint = "leave them out; evaluate.serve.args has `torch_dtype` and its like"
            problems.append(Problem(code="wrong-value", message=message, position=model_args.position, hint=hint))
        if serve and endpoint:
            message = "evaluate has both serve and endpoint; one model is asked in one way"
            problems.append(Problem(code="wrong-value", message=message, position=endpoint.position))
        if endpoint and base and base.value is True:
            message = "evaluate.base cannot be scored: the endpoint serves one model"
            problems.append(Problem(code="wrong-value", message=message, position=base.position))


def _named(node: Node, problems: list[Problem]) -> None:
    """`clusters` and `show` are of data sets that are evaluated."""
    datasets, clusters, show = (node.entries.get(key) for key in ("datasets", "clusters", "show"))
    named = [one.text for one in (datasets.items or (datasets,)) if one.kind == "scalar"] if datasets else []

    def check(name: str, key: str, position: Position) -> None:
        if name in named:
            return
        close = nearest(name, named)
        hint = f"did you mean {quoted(close)}?" if close else f"evaluate.datasets has: {', '.join(named) or 'nothing'}"
        message = f"{key} names {quoted(name)}, which is not evaluated"
        problems.append(Problem(code="wrong-value", message=message, position=position, hint=hint))

    if clusters:
        for name, one in clusters.entries.items():
            check(name, "evaluate.clusters", clusters.keys[name])
            if one.kind == "scalar" and not one.text:
                message = f"evaluate.clusters.{name} should be a key of the items' metadata, found {one.describe}"
                problems.append(Problem(code="wrong-value", message=message, position=one.position))
    if show:
        for one in show.items or (show,):
            if one.kind == "scalar" and one.text:
                check(one.text, "evaluate.show", one.position)
