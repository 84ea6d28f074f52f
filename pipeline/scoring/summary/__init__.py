"""Scored files read back, counted, and summed up as net stance by topic, time and source."""
