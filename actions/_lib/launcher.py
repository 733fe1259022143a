"""Installs the swiftci of this very source tree into an environment of its own, once, and runs it.

Standard library only. Dependencies are wheels by hash, and swiftci itself is copied, so nothing is built and no
package's code runs; the installer's environment holds no secret all the same.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
REQUIREMENTS = {"": "requirements.txt", "store": "requirements-store.txt"}
"""By SWIFTCI_EXTRAS: `store` adds what speaks to buckets."""
KEPT = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
)
KEPT_UPPER = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")
LINES_SHOWN = 15


def main() -> None:
    """Replaces this process by swiftci's."""
    environment = home() / digest()
    python = environment / "bin" / "python"
    if not (environment / "ready").exists():
        install(environment)
    os.environ["SWIFTCI_EXECUTABLE"] = str(environment / "bin" / "swiftci")
    sys.stdout.flush()
    os.execv(python, [str(python), "-I", "-m", "swiftci", *sys.argv[1:]])


def home() -> Path:
    """The folder of installations: SWIFTCI_HOME, else in the job's temporary folder, else a private one."""
    chosen = os.environ.get("SWIFTCI_HOME")
    if chosen:
        return Path(chosen)
    temporary = os.environ.get("RUNNER_TEMP")
    if temporary:
        return Path(temporary) / "swiftci"
    private = Path(tempfile.gettempdir()) / f"swiftci-{os.geteuid()}"
    with contextlib.suppress(FileExistsError):
        private.mkdir(mode=0o700)
    found = private.lstat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o077 or not stat.S_ISDIR(found.st_mode):
        fail(2, f"{private} is not a private folder of this user; remove it, or set SWIFTCI_HOME")
    return private


def digest() -> str:
    """Names an installation: this interpreter, the locked requirements and every file that is installed."""
    state = hashlib.sha256(f"{sys.version}\0{sys.executable}\0{sysconfig.get_platform()}".encode())
    for path in files():
        state.update(f"\0{path.relative_to(SOURCE).as_posix()}\0".encode())
        state.update(path.read_bytes())
    return state.hexdigest()[:24]


def files() -> list[Path]:
    trees = [path for folder in ("src/swiftci", "templates") for path in (SOURCE / folder).rglob("*")]
    found = [path for path in trees if path.is_file() and "__pycache__" not in path.parts]
    return sorted([*found, SOURCE / "pyproject.toml", requirements(), Path(__file__).resolve()])


def requirements() -> Path:
    extras = os.environ.get("SWIFTCI_EXTRAS", "")
    if extras not in REQUIREMENTS:
        fail(2, f"SWIFTCI_EXTRAS is {extras!r}; it may be empty, or `store`")
    return SOURCE / REQUIREMENTS[extras]


def install(environment: Path) -> None:
    """Makes the environment; of several processes one works and the others wait."""
    environment.parent.mkdir(parents=True, exist_ok=True)
    with (environment.parent / f"{environment.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (environment / "ready").exists():
            return
        print("installing swiftci", flush=True)
        shutil.rmtree(environment, ignore_errors=True)
        python = environment / "bin" / "python"
        call([sys.executable, "-I", "-m", "venv", str(environment)], "an environment could not be made")
        pip = [str(python), "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        locked = ["--require-hashes", "--only-binary", ":all:", "--no-deps", "-r", str(requirements())]
        call([*pip, *locked], "swiftci's dependencies could not be installed (`index_url:` names a mirror)")
        code = "import sysconfig; print(sysconfig.get_path('purelib'))"
        asked = subprocess.run([str(python), "-I", "-c", code], check=True, capture_output=True, text=True)
        package = Path(asked.stdout.strip()) / "swiftci"
        shutil.copytree(SOURCE / "src" / "swiftci", package, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(SOURCE / "templates", package / "templates")
        script = environment / "bin" / "swiftci"
        script.write_text(f'#!/bin/sh\nexec "{python}" -I -m swiftci "$@"\n')
        script.chmod(0o755)
        (environment / "ready").touch()


def call(argv: list[str], what: str) -> None:
    """Runs a program with an environment that holds no secret; ends this one when it fails."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if key in KEPT or key.upper() in KEPT_UPPER or key.startswith("PIP_")
    }
    done = subprocess.run(
        argv, check=False, env=kept, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    if done.returncode != 0:
        for line in done.stdout.splitlines()[-LINES_SHOWN:]:
            print(f"  | {line}", file=sys.stderr)
        fail(5, what)


def fail(code: int, message: str) -> None:
    print(
        f"::error title=swiftci::{message}" if os.environ.get("GITHUB_ACTIONS") == "true" else f"swiftci: {message}",
        file=sys.stderr,
    )
    sys.exit(code)


if __name__ == "__main__":
    main()
