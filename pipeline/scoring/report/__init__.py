"""The report: one HTML file with the map, its course in time, and the articles."""
