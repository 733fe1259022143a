"""Where swiftci finds ms-swift and EvalScope."""

import os
import sys
from pathlib import Path

import pytest

from swiftci.spec.error import ToolError
from swiftci.tools import interpreter
from tests.fake.repository import interpreter as fake


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def test_projects_interpreter_is_found_relative_to_the_repository(tmp_path: Path) -> None:
    fake(tmp_path / "tools" / "bin" / "python")
    found = interpreter.find("tools/bin/python", tmp_path, {}, "ms_swift")

    assert found.path == str(tmp_path / "tools" / "bin" / "python")
    assert found.versions["ms_swift"] == "4.6.0"


def test_projects_interpreter_may_be_a_name_on_path(tmp_path: Path) -> None:
    fake(tmp_path / "bin" / "python-of-swift")
    found = interpreter.find("python-of-swift", tmp_path, {"PATH": str(tmp_path / "bin")}, "evalscope")

    assert found.path == str(tmp_path / "bin" / "python-of-swift")


@pytest.mark.parametrize("name", ["python", "python3"])
def test_without_a_key_the_one_on_path_is_taken(tmp_path: Path, name: str) -> None:
    fake(tmp_path / "bin" / name)
    found = interpreter.find(None, tmp_path, {"PATH": str(tmp_path / "bin")}, "ms_swift")

    assert found.path == str(tmp_path / "bin" / name)


def test_python_without_the_package_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path / "bin" / "python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    fake(tmp_path / "bin" / "python3")
    found = interpreter.find(None, tmp_path, {"PATH": str(tmp_path / "bin")}, "ms_swift")

    assert found.path == str(tmp_path / "bin" / "python3")


def test_every_folder_of_path_is_looked_at(tmp_path: Path) -> None:
    program(tmp_path / "first" / "python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    fake(tmp_path / "second" / "python")
    path = f"{tmp_path}/nowhere:{tmp_path}/first::{tmp_path}/second"
    found = interpreter.find(None, tmp_path, {"PATH": path}, "ms_swift", "evalscope")

    assert found.path == str(tmp_path / "second" / "python")


def test_python_needs_all_packages(tmp_path: Path) -> None:
    fake(tmp_path / "bin" / "python")
    environ = {"FAKE_VERSIONS": '{"python": "3.11", "ms_swift": "4.6.0"}'}
    with pytest.raises(ToolError, match="evalscope"):
        interpreter.find("bin/python", tmp_path, environ, "ms_swift", "evalscope")


def test_projects_interpreter_is_never_replaced_by_another(tmp_path: Path) -> None:
    fake(tmp_path / "bin" / "python")
    with pytest.raises(ToolError, match=r"/nowhere/python \(does not run\)"):
        interpreter.find("/nowhere/python", tmp_path, {"PATH": str(tmp_path / "bin")}, "ms_swift")


def test_missing_package_says_what_to_install_and_where_it_looked(tmp_path: Path) -> None:
    program(tmp_path / "bin" / "python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    with pytest.raises(ToolError) as raised:
        interpreter.find(None, tmp_path, {"PATH": str(tmp_path / "bin")}, "ms_swift")

    assert raised.value.kind == "user"
    assert "without ms-swift" in raised.value.message
    assert f"{tmp_path}/bin/python (python 3." in raised.value.message
    assert "pip install ms-swift" in raised.value.hint
    assert "`python:`" in raised.value.hint


def test_no_python_at_all_is_said(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="no python on PATH"):
        interpreter.find(None, tmp_path, {"PATH": str(tmp_path)}, "ms_swift")


BROKEN = {
    "fails": "#!/bin/sh\nexit 3\n",
    "prints garbage": "#!/bin/sh\necho '{'\n",
    "prints no map": "#!/bin/sh\necho '[1]'\n",
    "prints bytes": "#!/bin/sh\nprintf '\\377\\376'\n",
    "no program": "this is not a program",
    "gone": "#!/nowhere/sh\n",
    "killed": "#!/bin/sh\nkill -9 $$\n",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_broken_interpreter_is_said_not_to_run(tmp_path: Path, text: str) -> None:
    program(tmp_path / "bin" / "python", text)
    with pytest.raises(ToolError, match="does not run"):
        interpreter.find("bin/python", tmp_path, {"PATH": "/usr/bin:/bin"}, "ms_swift")


def test_folder_is_no_interpreter(tmp_path: Path) -> None:
    (tmp_path / "bin" / "python").mkdir(parents=True)
    with pytest.raises(ToolError, match="does not run"):
        interpreter.find("bin/python", tmp_path, {}, "ms_swift")


def test_repository_cannot_lie_about_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The probe looks at what is installed, not at a `platform.py` in the working directory."""
    (tmp_path / "platform.py").write_text("raise SystemExit(0)")
    monkeypatch.chdir(tmp_path)

    assert interpreter.probe(sys.executable, (), os.environ) is not None


def test_package_on_pythonpath_counts_though_it_was_never_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lib/megatron/core").mkdir(parents=True)
    (tmp_path / "lib/megatron/core/__init__.py").touch()
    (tmp_path / "lib/empty_folder").mkdir()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "lib"))

    found = interpreter.probe(sys.executable, ["megatron_core", "empty_folder", "no_such_package"], os.environ)

    assert found is not None
    assert found.get("megatron_core") == "?"
    assert not {"empty_folder", "no_such_package"} & set(found)


def test_file_of_the_repository_is_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vllm.py").touch()
    monkeypatch.chdir(tmp_path)

    assert "vllm" not in (interpreter.probe(sys.executable, ["vllm"], os.environ) or {})
