"""Runs in MLflow; no other package imports it."""
