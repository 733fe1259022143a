"""The machine's cards as NVML shows them: the real nvidia-ml-py, loading a library that answers from a file."""

from pathlib import Path

import pytest

from swiftci.tools import card, hardware, nvml
from swiftci.tools.card import User
from tests.tools.nvml import A100, Machine, build

FREE = A100.format(used=4)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def machine(library: Path, tmp_path: Path) -> Machine:
    return Machine(folder=tmp_path, library=library)


def every(machine: Machine) -> list[card.Gpu]:
    seen = nvml.look(machine.environ)
    assert seen is not None
    assert seen.cards is not None
    return seen.cards


def only(machine: Machine) -> card.Gpu:
    """What is shown of the machine's one card."""
    (found,) = every(machine)
    return found


def test_all_that_is_asked_for_is_read(machine: Machine) -> None:
    machine.show("card 24564 300 37 NVIDIA GeForce RTX 4090", "reserved 0 500", "process 0 4711 256", "driver 570.1")

    assert only(machine) == card.Gpu(
        index="0",
        uuid="GPU-0000",
        used=300,
        total=24564,
        name="NVIDIA GeForce RTX 4090",
        device="0",
        utilisation=37,
        users=(User(pid=4711, used=256),),
        driver="570.1",
    )


@pytest.mark.parametrize(("number", "expected"), [("12040", "12.4"), ("13000", "13.0"), ("12080", "12.8")])
def test_newest_cuda_that_the_driver_knows(machine: Machine, number: str, expected: str) -> None:
    machine.show(FREE, f"cuda {number}")

    seen = nvml.look(machine.environ)

    assert seen is not None
    assert seen.cuda == expected


def test_card_without_processes_has_no_users(machine: Machine) -> None:
    machine.show(FREE)

    assert only(machine).users == ()


def test_users_are_those_that_compute_and_those_that_draw_each_once(machine: Machine) -> None:
    machine.show(FREE, "process 0 7 100", "process 0 8 -1", "graphics 0 9 5", "graphics 0 7 100")

    assert only(machine).users == (User(pid=7, used=100), User(pid=8), User(pid=9, used=5))


def test_list_of_processes_that_outgrows_the_room_for_it_is_asked_for_again(machine: Machine) -> None:
    machine.show(FREE, "process 0 7 100", "grows 0 20")

    users = only(machine).users

    assert users is not None
    assert len(users) == 41


UNTOLD = (
    ("nvmlDeviceGetUtilizationRates", 3, "utilisation", None),
    ("nvmlDeviceGetUtilizationRates", 999, "utilisation", None),
    ("nvmlDeviceGetComputeRunningProcesses_v3", 3, "users", None),
    ("nvmlDeviceGetComputeRunningProcesses_v3", 4, "users", None),
    ("nvmlDeviceGetComputeRunningProcesses_v3", 7, "users", None),
    ("nvmlDeviceGetComputeRunningProcesses_v3", 13, "users", None),
    ("nvmlDeviceGetMemoryInfo_v2", 3, "total", 0),
    ("nvmlDeviceGetMemoryInfo_v2", 4, "total", 0),
    ("nvmlDeviceGetName", 999, "name", ""),
)


def test_what_a_card_or_driver_does_not_tell_is_left_open(machine: Machine) -> None:
    fails = [f"fails {function} {code} {index}" for index, (function, code, _, _) in enumerate(UNTOLD)]
    machine.show(*[FREE] * len(UNTOLD), *fails, "fails nvmlSystemGetDriverVersion 999")

    found = every(machine)

    for one, (_, _, field, expected) in zip(found, UNTOLD, strict=True):
        assert getattr(one, field) == expected
        assert not one.lost
        assert not one.busy
        assert one.driver == ""


@pytest.mark.parametrize("code", [13, 25])
def test_memory_is_asked_for_in_the_old_way_where_the_driver_is_old(machine: Machine, code: int) -> None:
    machine.show(FREE, "reserved 0 500", f"fails nvmlDeviceGetMemoryInfo_v2 {code}")

    assert only(machine).used == 504


LOST = (
    ("nvmlDeviceGetHandleByIndex_v2", 15, "GPU is lost (NVML code 15)"),
    ("nvmlDeviceGetHandleByIndex_v2", 999, "Unknown Error (NVML code 999)"),
    ("nvmlDeviceGetHandleByIndex_v2", 4, "Insufficient Permissions (NVML code 4)"),
    ("nvmlDeviceGetHandleByIndex_v2", 8, "Insufficient External Power (NVML code 8)"),
    ("nvmlDeviceGetUUID", 15, "GPU is lost (NVML code 15)"),
    ("nvmlDeviceGetMemoryInfo_v2", 15, "GPU is lost (NVML code 15)"),
    ("nvmlDeviceGetUtilizationRates", 16, "GPU requires restart (NVML code 16)"),
    ("nvmlDeviceGetComputeRunningProcesses_v3", 15, "GPU is lost (NVML code 15)"),
)


def test_lost_card_is_named_and_the_others_go_by_their_uuids(machine: Machine) -> None:
    fails = [f"fails {function} {code} {index}" for index, (function, code, _) in enumerate(LOST)]
    machine.show(*[FREE] * len(LOST), FREE, *fails)

    *lost, good = every(machine)

    assert [(one.device, one.lost) for one in lost] == [("", why) for _, _, why in LOST]
    assert (good.index, good.device, good.lost) == ("8", "GPU-0008", "")


@pytest.mark.parametrize(
    ("code", "text", "dead"),
    [
        (9, "Driver Not Loaded", True),
        (18, "RM has detected an NVML/RM version mismatch.", True),
        (4, "Insufficient Permissions", False),
        (999, "Unknown Error", False),
    ],
)
def test_driver_that_does_not_answer_is_told(machine: Machine, code: int, text: str, dead: bool) -> None:
    machine.show(FREE, f"fails nvmlInitWithFlags {code}")

    seen = nvml.look(machine.environ)

    assert seen == card.Look(trouble=f"NVML says: {text}", dead=dead)


@pytest.mark.parametrize("code", [12, 13])
def test_library_that_is_none_leaves_the_question_to_nvidia_smi(machine: Machine, code: int) -> None:
    machine.show(FREE, f"fails nvmlInitWithFlags {code}")

    assert nvml.look(machine.environ) is None


def test_machine_without_the_library_starts_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvml, "SCRIPT", tmp_path / "nothing")

    assert nvml.look({"PATH": "/usr/bin", "LD_LIBRARY_PATH": str(tmp_path)}) is None


def test_without_the_package_nvml_is_not_asked(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.show(FREE)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    assert nvml.look(machine.environ) is None


@pytest.mark.parametrize("how", ["crash", "hang"])
def test_library_that_crashes_or_hangs_ends_nothing_here(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(nvml, "SECONDS", 0.5)
    machine.show(FREE, f"fails nvmlDeviceGetUtilizationRates {how}")

    assert nvml.look(machine.environ) is None


def test_record_names_cards_and_driver(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.show(FREE, FREE, "fails nvmlDeviceGetHandleByIndex_v2 15 1")
    for name, value in machine.environ.items():
        monkeypatch.setenv(name, value)

    described = hardware.describe()

    assert described["gpus"] == "NVIDIA A100-SXM4-80GB, 81920 MiB; GPU is lost (NVML code 15)"
    assert described["driver"] == "550.54.15"


def test_user_is_named_only_where_process_numbers_are_the_machines_own(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setattr(os, "readlink", lambda path: "pid:[4026531836]")
    assert str(User(pid=os.getpid())).startswith(f"pid {os.getpid()} p")
    assert str(User(pid=2**30)) == f"pid {2**30}"

    monkeypatch.setattr(os, "readlink", lambda path: "pid:[4026532001]")
    assert str(User(pid=os.getpid())) == f"pid {os.getpid()} of the machine"
