"""What the tests of baselines share."""

from tests.fake.repository import Repository

MARGIN = {"metric": "general_qa.rouge-l-recall", "margin": 0.02}


def another(repository: Repository, steps: int = 12) -> None:
    """Another config, so that its run is another one."""
    repository.config["train"]["args"]["max_steps"] = steps
    repository.write()
    repository.forget()
