"""One file a stage; STAGES is the registry."""

from swiftci.stages import cleanup, download, evaluate, gate, join, report, train
from swiftci.stages.stage import Stage

STAGES: tuple[Stage, ...] = (
    download.STAGE,
    train.STAGE,
    join.STAGE,
    evaluate.STAGE,
    gate.STAGE,
    report.STAGE,
    cleanup.STAGE,
)

BY_NAME = {stage.name: stage for stage in STAGES}
