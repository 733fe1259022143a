"""CI/CD for fine-tuning large models: one YAML file per model becomes a workflow, a run, a verdict."""

__version__ = "0.1.0"
