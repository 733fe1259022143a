"""swiftci sync: rewrites everything generated in swiftci's own repository."""

import difflib
import sys
from pathlib import Path

import click

from swiftci.cli.generated import generated
from swiftci.spec.exit import Exit
from swiftci.spec.problem import ConfigError, Problem
from swiftci.store.files import write_text


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 2 when something is stale.")
def command(check: bool) -> int:
    """Rewrite actions, documentation tables and example workflows from what the code declares."""
    root = Path.cwd()
    if not (root / "src/swiftci/stages/__init__.py").is_file():
        hint = "`swiftci generate` is what renders your own workflows"
        raise ConfigError([Problem(code="usage", message="sync works in swiftci's own repository", hint=hint)])
    stale = []
    for path, text in generated(root).items():
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        if before == text:
            continue
        stale.append(path.relative_to(root).as_posix())
        if check:
            sys.stdout.writelines(
                difflib.unified_diff(
                    before.splitlines(True), text.splitlines(True), f"{path.name}: is", f"{path.name}: should be", n=1
                )
            )
        else:
            write_text(path, text)
            print(f"+ {stale[-1]}")
    if check and stale:
        print(f"stale: {', '.join(stale)}; run `swiftci sync`", file=sys.stderr)
        return Exit.CONFIG
    return Exit.DONE
