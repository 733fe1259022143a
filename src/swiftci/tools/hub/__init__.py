"""Fetches models and data sets from ModelScope and Hugging Face into a cache that jobs share."""
