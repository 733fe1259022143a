"""From logs and reports to metrics, intervals, a verdict and a report."""
