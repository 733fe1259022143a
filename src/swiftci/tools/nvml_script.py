"""Asks NVML for all that we use of it, and prints it as JSON; runs by its path, in a process of its own.

Codes and structures are those of the NVML API reference, by way of nvidia-ml-py 13. Memory is in bytes.
"""

import importlib
import json
from collections.abc import Callable
from typing import Any

TRIES = 5
"""A list of processes may grow between the call that asks for its size and the one that fetches it."""


def main() -> None:
    nvml = importlib.import_module("pynvml")
    try:
        nvml.nvmlInit()
        count = nvml.nvmlDeviceGetCount()
    except nvml.NVMLError as error:
        print(json.dumps({"error": error.value, "text": str(error)}))
        return
    answer = {
        "driver": _or(nvml, "", nvml.nvmlSystemGetDriverVersion),
        "cuda": _or(nvml, 0, nvml.nvmlSystemGetCudaDriverVersion_v2),
        "cards": [_card(nvml, index) for index in range(count)],
    }
    print(json.dumps(answer))


def _card(nvml: Any, index: int) -> dict[str, Any]:
    """One card; where it cannot be used, its number and why."""
    try:
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        found = {"index": index, "uuid": nvml.nvmlDeviceGetUUID(handle)}
        found["name"] = _or(nvml, "", nvml.nvmlDeviceGetName, handle)
        memory = _or(nvml, None, _memory, nvml, handle)
        found |= {"total": memory.total, "used": memory.used} if memory else {"total": 0, "used": 0}
        rates = _or(nvml, None, nvml.nvmlDeviceGetUtilizationRates, handle)
        found["utilisation"] = rates.gpu if rates else None
        found["users"] = _or(nvml, None, _users, nvml, handle)
    except nvml.NVMLError as error:
        return {"index": index, "lost": str(error), "code": error.value}
    return found


def _or(nvml: Any, default: Any, ask: Callable[..., Any], *arguments: Any) -> Any:
    """The answer, or `default` where this card, driver or user has none; raises where the card is gone."""
    try:
        return ask(*arguments)
    except nvml.NVMLError as error:
        if error.value in (nvml.NVML_ERROR_GPU_IS_LOST, nvml.NVML_ERROR_RESET_REQUIRED):
            raise
        return default


def _memory(nvml: Any, handle: Any) -> Any:
    """With version 2, what the driver keeps for itself is not counted as used; drivers before 510 have only 1."""
    try:
        return nvml.nvmlDeviceGetMemoryInfo(handle, version=nvml.nvmlMemory_v2)
    except (nvml.NVMLError_FunctionNotFound, nvml.NVMLError_ArgumentVersionMismatch):
        return nvml.nvmlDeviceGetMemoryInfo(handle)


def _users(nvml: Any, handle: Any) -> list[dict[str, int | None]]:
    found = {}
    for ask in (nvml.nvmlDeviceGetComputeRunningProcesses_v3, nvml.nvmlDeviceGetGraphicsRunningProcesses_v3):
        for one in _listed(nvml, ask, handle):
            found[one.pid] = {"pid": one.pid, "used": one.usedGpuMemory}
    return list(found.values())


def _listed(nvml: Any, ask: Callable[[Any], list[Any]], handle: Any) -> list[Any]:
    for _ in range(TRIES - 1):
        try:
            return ask(handle)
        except nvml.NVMLError_InsufficientSize:
            continue
    return ask(handle)


if __name__ == "__main__":
    main()
