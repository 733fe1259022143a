"""What is wrong with the tools' own arguments in a config, as far as their recorded lists tell."""

from collections.abc import Mapping

from swiftci.config.arguments import Arguments, Value
from swiftci.config.load import Loaded
from swiftci.config.train import SERVERS
from swiftci.config.yaml import Node
from swiftci.spec.problem import Position, Problem, Severity, nearest, quoted
from swiftci.tools import evalscope, known_arguments, swift
from swiftci.tools.known_arguments import Known

_RENAMED = {"train_type": "tuner_type", "sft_type": "tuner_type"}
"""Names that older versions of ms-swift had."""


def check_arguments(one: Loaded, problems: list[Problem]) -> None:
    """Appends unknown names, values of the wrong kind, and arguments that swiftci sets itself."""
    train, evaluate = one.config.train, one.config.evaluate
    _section(one, "train.args", train.args, swift.OWNED, known_arguments.of(train.method), problems)
    for index, server in enumerate(train.servers):
        known = known_arguments.of(SERVERS[server.role])
        _section(one, f"train.servers.{index}.args", server.args, swift.SERVER_OWNED, known, problems)
    if evaluate:
        _section(one, "evaluate.args", evaluate.args, evalscope.OWNED, known_arguments.of("eval"), problems)
        if evaluate.serve:
            known = known_arguments.of("deploy")
            _section(one, "evaluate.serve.args", evaluate.serve.args, swift.SERVE_OWNED, known, problems)


def _section(
    one: Loaded, where: str, args: Arguments, owned: Mapping[str, str], known: Known, problems: list[Problem]
) -> None:
    node = one.node.at(where)
    for name, value in args.items():
        position = node.keys.get(name) if node else None
        if name in owned:
            problems.append(_owned(one, where, name, owned[name], position))
        elif name not in known.names:
            problems.append(_unknown(name, known, position))
        elif not (name == "tuner_type" and "external_plugins" in args):  # which may bring a tuner of their own
            _value(f"{where}.{name}", name, value, known, node, problems)


def _owned(one: Loaded, where: str, name: str, why: str, position: Position | None) -> Problem:
    included = position is not None and position.file == one.include  # which `swift sft` reads, too
    return Problem(
        code="owned-argument",
        message=f"{where}.{name} is set by swiftci: {why}",
        position=position,
        hint="it has no effect here" if included else "leave it out",
        severity="notice" if included else "error",
    )


def _unknown(name: str, known: Known, position: Position | None) -> Problem:
    close = _RENAMED.get(name) or nearest(name, known.names)
    hint = (
        f"did you mean {quoted(close)}?"
        if close
        else f"the list is of {known.tool} {known.version}; a newer one may have it"
    )
    severity: Severity = "error" if close else "notice"
    message = f"{known.tool} has no argument {quoted(name)}"
    return Problem(code="suspect-argument", message=message, position=position, hint=hint, severity=severity)


def _value(where: str, name: str, value: Value, known: Known, node: Node | None, problems: list[Problem]) -> None:
    """A value that the tool's own parser would refuse, minutes later."""
    if not isinstance(value, str) or not (wanted := known.wrong(name, value)):
        return
    written = node.entries.get(name) if node else None
    kind = known.names[name]
    close = nearest(value, kind) if isinstance(kind, list) else None
    problems.append(
        Problem(
            code="wrong-value",
            message=f"{where} should be {wanted}, found {quoted(value)}",
            position=written.position if written else None,
            hint=f"did you mean {quoted(close)}?" if close else "",
        )
    )
