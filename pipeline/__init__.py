"""Detente: topic and stance of sentences in news on dealings between states."""
