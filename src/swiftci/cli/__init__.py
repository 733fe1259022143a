"""The command line: one file a command, each imported only when it is called."""

import gc
import importlib
import io
import os
import sys
from typing import Any

import click

from swiftci import __version__
from swiftci.cli.output import show_busy, show_problems, show_tool_error
from swiftci.spec.error import Busy, Interrupted, ToolError
from swiftci.spec.exit import Exit
from swiftci.spec.problem import ConfigError

COMMANDS = {
    "init": "Write a first project and config; never overwrites.",
    "check": "Report every mistake in every config.",
    "generate": "Write the workflow of each config, or prove that none drifted.",
    "doctor": "Check that this machine has what a run needs.",
    "plan": "Show what a config would do, where, and why.",
    "run": "Carry out a config's plan here and now.",
    "stage": "Carry out one stage; what a composite action calls.",
    "pull": "Bring a run's model home: its adapter, or merged weights.",
    "chat": "Ask a run's model and its base, side by side.",
    "push": "Upload a run's model to a private hub repository.",
    "store": "List, check and tidy up what the store keeps.",
    "fingerprint": "Print the digest of all that decides a result.",
    "diff": "Show what differs between two runs, in the config's own keys.",
    "compare": "Compare two runs question by question.",
    "baseline": "Write a run's scores into the repository, to compare with.",
    "leaderboard": "Turn runs into pages that rank their models.",
    "cost": "Show what GPU time cost, by model, person or month.",
    "pin": "Look up the commits that workflows pin, into swiftci.lock.",
    "schema": "Print the JSON Schemas of both files, for editors.",
    "setup": "Prepare a runner's job: installed, and old files given back.",
    "sync": "Rewrite everything generated in swiftci's own repository.",
}
"""Every command and its one line; each is the function `command` of swiftci.cli.NAME."""


class Commands(click.Group):
    """A group that imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = importlib.import_module(f"swiftci.cli.{cmd_name}").command
        found.help = found.help or COMMANDS[cmd_name]
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="swiftci %(version)s")
def group() -> None:
    """CI/CD for fine-tuning large models with ms-swift and EvalScope."""


def main(argv: list[str] | None = None) -> None:
    """Runs a command and ends the process with its exit code."""
    gc.set_threshold(1_000_000)  # a thousand configs are many objects and hold no cycles to look for
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that has no ✓ shall not end a run
    sys.exit(run(argv))


def run(argv: list[str] | None = None) -> int:
    """A command's exit code; every expected failure is shown here and nowhere else."""
    try:
        result: Any = group.main(args=argv, prog_name="swiftci", standalone_mode=False)
        return int(result or 0)
    except click.ClickException as error:
        error.show()
        return Exit.CONFIG
    except ConfigError as error:
        show_problems(error.problems, os.environ)
        return Exit.CONFIG
    except ToolError as error:
        show_tool_error(error, os.environ)
        return error.exit
    except Busy as error:
        show_busy(error, os.environ)
        return Exit.CAPACITY
    except (Interrupted, KeyboardInterrupt, click.Abort) as error:
        print(f"swiftci: {str(error) or 'stopped'}", file=sys.stderr)
        return Exit.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output is gone: nothing is left to be said
        return Exit.DONE
    except OSError as error:
        print(f"swiftci: error[disk]: {error.strerror or error}: {error.filename or 'output'}", file=sys.stderr)
        return Exit.TOOL
    except Exception:
        import traceback

        traceback.print_exc()
        print(f"\nswiftci {__version__}: this is a bug; please report it with the lines above", file=sys.stderr)
        return Exit.BUG
