"""One file a stage; STAGES is the registry."""

from swiftci.stages import baseline, cleanup, comment, download, evaluate, extend, gate, join, notify, report, train
from swiftci.stages.stage import Stage

STAGES: tuple[Stage, ...] = (
    download.STAGE,
    train.STAGE,
    join.STAGE,
    evaluate.STAGE,
    baseline.STAGE,
    extend.STAGE,
    gate.STAGE,
    report.STAGE,
    comment.STAGE,
    notify.STAGE,
    cleanup.STAGE,
)

BY_NAME = {stage.name: stage for stage in STAGES}
