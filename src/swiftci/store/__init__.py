"""What is kept: run directories, their records, digests, and finished runs by fingerprint."""
