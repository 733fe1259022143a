"""What nvidia-smi says of this machine's cards, where NVML itself cannot be asked."""

import subprocess
from collections.abc import Mapping
from dataclasses import replace

from swiftci.spec.problem import printable
from swiftci.tools.card import DEAD, Gpu, Look, User

SECONDS = 60.0
_CARDS = ("index", "uuid", "memory.used", "memory.total", "utilization.gpu", "driver_version", "name")
_USERS = ("gpu_uuid", "pid", "used_memory")
_NOT_TOLD = ("[N/A]", "[Not Supported]", "N/A")


def look(environ: Mapping[str, str]) -> Look:
    """The machine's cards, all of them."""
    try:
        code, lines = _query("gpu", _CARDS, environ)
    except OSError:
        return Look()
    except subprocess.TimeoutExpired:
        return Look(trouble=f"nvidia-smi did not answer within {SECONDS:.0f} s")
    rows = [row for row in (_row(line, _CARDS) for line in lines) if row and row["index"].isdigit()]
    said = next((f": {printable(line)}" for line in lines if _row(line, _CARDS) is None), "")
    trouble = f"nvidia-smi failed (exit code {code}){said}" if code else ""
    if code and not rows:
        return Look(trouble=trouble, dead=code in DEAD)
    found = [_card(row) for row in rows]
    if code or any(card.lost for card in found):  # one is missing: see nvml.py on its neighbours' numbers
        found = [replace(card, device=card.uuid) for card in found]
    if any(card.busy for card in found):
        found = _with_users(found, environ)
    return Look(cards=found, driver=rows[0]["driver_version"] if rows else "", trouble=trouble)


def _query(what: str, fields: tuple[str, ...], environ: Mapping[str, str]) -> tuple[int, list[str]]:
    command = ["nvidia-smi", f"--query-{what}={','.join(fields)}", "--format=csv,noheader,nounits"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, env=dict(environ))
    return done.returncode, [line.strip() for line in done.stdout.splitlines() if line.strip()]


def _row(line: str, fields: tuple[str, ...]) -> dict[str, str] | None:
    parts = [part.strip() for part in line.split(",", len(fields) - 1)]
    return dict(zip(fields, parts, strict=True)) if len(parts) == len(fields) else None


def _card(row: dict[str, str]) -> Gpu:
    total = row["memory.total"]
    return Gpu(
        index=row["index"],
        uuid=row["uuid"],
        used=_number(row["memory.used"]) or 0,
        total=_number(total) or 0,
        name=row["name"],
        device=row["index"],
        utilisation=_number(row["utilization.gpu"]),
        driver=row["driver_version"],
        lost="" if total.isdigit() or total in _NOT_TOLD else f"nvidia-smi says {printable(total)}",
    )


def _with_users(found: list[Gpu], environ: Mapping[str, str]) -> list[Gpu]:
    try:
        code, lines = _query("compute-apps", _USERS, environ)
    except (OSError, subprocess.TimeoutExpired):
        return found
    rows = [row for row in (_row(line, _USERS) for line in lines) if row and row["pid"].isdigit()]
    if code:
        return found
    users = [(row["gpu_uuid"], User(pid=int(row["pid"]), used=_number(row["used_memory"]))) for row in rows]
    return [replace(card, users=tuple(user for uuid, user in users if uuid == card.uuid)) for card in found]


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() else None
