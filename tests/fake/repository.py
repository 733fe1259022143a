"""A small repository whose tools are the fake one, and ways to run swiftci in it."""

import contextlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from swiftci.cli import run as command  # by now: a module of that name will take its place
from swiftci.config.load import Loaded, load_config, load_project
from swiftci.config.project import Project
from swiftci.spec.problem import Problem

TOOL = Path(__file__).with_name("tool.py")
CONFIG = "configs/tiny.yaml"

WITHOUT_CHARTS = "import sys; sys.modules['vl_convert'] = None; from swiftci.__main__ import main; main()"

PROJECT: dict[str, Any] = {
    "version": 1,
    "actions": "swiftci/swiftci@v1",
    "trust": "internal",
    "python": "bin/python",
    "secrets": {"hub": ["FAKE_HUB_TOKEN"]},
}
TINY: dict[str, Any] = {
    "name": "tiny",
    "train": {
        "gpus": 0,
        "args": {"model": "model", "dataset": "data/train.jsonl", "max_steps": 10, "torch_dtype": "float32"},
    },
    "evaluate": {
        "datasets": ["general_qa"],
        "args": {
            "generation_config": {"max_tokens": 6},
            "dataset_args": {
                "general_qa": {
                    "local_path": "data/heldout",
                    "subset_list": ["items"],
                    "metric_list": ["Rouge"],
                }
            },
        },
    },
    "gate": [{"metric": "general_qa.rouge-l-recall", "at_least": 0.5}],
    "limits": {"diverged": "off"},  # the fake tool logs all steps at once: whether it is stopped in time is chance
}


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


@dataclass(kw_only=True)
class Repository:
    """A repository on disk; `environ` is all that swiftci gets to see of an environment."""

    root: Path
    charts: bool = False
    environ: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=lambda: deepcopy(TINY))
    project: dict[str, Any] = field(default_factory=lambda: deepcopy(PROJECT))

    @property
    def folder(self) -> Path:
        """The run directory that `swiftci run` uses."""
        return self.root / ".swiftci" / "runs" / "tiny"

    @property
    def record(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "run.json").read_text(encoding="utf-8")))

    @property
    def states(self) -> dict[str, str]:
        """Each call of the journal and how it ended."""
        return {name: one["state"] for name, one in self.record["stages"].items()}

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Every call of the fake tool so far."""
        path = Path(self.environ["FAKE_CALLS"])
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def called(self) -> list[str]:
        return [one["call"] for one in self.calls]

    def forget(self) -> None:
        """Counts calls anew."""
        Path(self.environ["FAKE_CALLS"]).unlink(missing_ok=True)

    def write(self) -> None:
        """Writes project and config, as YAML's subset JSON."""
        for path, data in (("swiftci.yaml", self.project), (CONFIG, self.config)):
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(json.dumps(data, indent=1), encoding="utf-8")

    def load(self, *sets: str) -> tuple[Project, Loaded]:
        """Project and config as swiftci reads them."""
        problems: list[Problem] = []
        project = load_project(self.root, problems)
        loaded = load_config(self.root, CONFIG, problems, sets)
        assert project is not None, problems
        assert loaded is not None, problems
        return project, loaded

    def argv(self, *arguments: str) -> list[str]:
        """A command line of swiftci; unless `charts`, one that does not find the drawing library, which is slow."""
        if self.charts:
            return [sys.executable, "-I", "-m", "swiftci", *arguments]
        return [sys.executable, "-I", "-c", WITHOUT_CHARTS, *arguments]

    def swiftci(self, *arguments: str, **environ: str) -> Ran:
        """Runs a command in this process, which saves the start of another; see `start` for one that is signalled."""
        out, err = io.StringIO(), io.StringIO()
        with (
            patch.dict(os.environ, self.environ | environ, clear=True),
            contextlib.nullcontext() if self.charts else without_charts(),
            contextlib.chdir(self.root),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = command(list(arguments))
        return Ran(code=int(code), out=out.getvalue(), err=err.getvalue())

    def run(self, *arguments: str, **environ: str) -> Ran:
        return self.swiftci("run", CONFIG, *arguments, **environ)

    def stage(self, name: str, *arguments: str, **environ: str) -> Ran:
        return self.swiftci("stage", name, "--config", CONFIG, *arguments, **environ)

    def start(self, *arguments: str, **environ: str) -> "subprocess.Popen[str]":
        """Starts a command and returns at once."""
        return subprocess.Popen(
            self.argv(*arguments),
            cwd=self.root,
            env=self.environ | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@contextlib.contextmanager
def without_charts() -> Iterator[None]:
    """While inside, the drawing library cannot be imported; what else is imported stays: patch.dict would forget it."""
    before = sys.modules.get("vl_convert")
    sys.modules["vl_convert"] = None  # type: ignore[assignment] # so says the import system's documentation
    try:
        yield
    finally:
        if before is None:
            del sys.modules["vl_convert"]
        else:
            sys.modules["vl_convert"] = before


def make(root: Path) -> Repository:
    """A repository in an empty folder, with a model, data, and the fake tool as its interpreter."""
    (root / "model").mkdir(parents=True)
    (root / "model" / "config.json").write_text('{"architectures": ["Qwen3ForCausalLM"]}\n')
    (root / "model" / "model.safetensors").write_bytes(b"weights")
    (root / "data" / "heldout").mkdir(parents=True)
    row = {"messages": [{"role": "user", "content": "Where is the saw?"}, {"role": "assistant", "content": "box"}]}
    (root / "data" / "train.jsonl").write_text(json.dumps(row) + "\n")
    (root / "data" / "heldout" / "items.jsonl").write_text('{"query": "Where is the saw?", "response": "box"}\n')
    interpreter(root / "bin" / "python")
    home = root.parent / "home"
    home.mkdir(exist_ok=True)
    environ = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "FAKE_CALLS": str(root.parent / "calls.jsonl"),
    }
    repository = Repository(root=root, environ=environ)
    repository.write()
    return repository


def interpreter(path: Path) -> None:
    """An executable that behaves like the Python that holds the tools."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{TOOL}" "$@"\n')
    path.chmod(0o755)


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Returns when the condition holds; fails the test when it does not come to hold."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def runner_environ(root: Path) -> Mapping[str, str]:
    """What GitHub's runner sets, with its files in `root`."""
    root.mkdir(parents=True, exist_ok=True)
    files = {name: str(root / name.lower()) for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE")}
    for path in (*files.values(), str(root / "summary")):
        Path(path).touch()
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(root / "summary"),
        "GITHUB_RUN_ID": "77",
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_JOB": "train",
        "GITHUB_REPOSITORY": "team/models",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_SHA": "0123456789abcdef0123456789abcdef01234567",
        **files,
    }


def outputs(text: str) -> dict[str, str]:
    """What a runner reads from GITHUB_OUTPUT: the last value of each name."""
    found = {}
    lines = iter(text.split("\n"))
    for line in lines:
        name, mark_sign, mark = line.partition("<<")
        if not mark_sign:
            continue
        value = []
        for inner in lines:
            if inner == mark:
                break
            value.append(inner)
        found[name] = "\n".join(value)
    return found
