"""One file a stage; STAGES is the registry."""

from swiftci.stages import cleanup, download, evaluate, gate, report, train
from swiftci.stages.stage import Stage

STAGES: tuple[Stage, ...] = (
    download.STAGE,
    train.STAGE,
    evaluate.STAGE,
    gate.STAGE,
    report.STAGE,
    cleanup.STAGE,
)

BY_NAME = {stage.name: stage for stage in STAGES}
