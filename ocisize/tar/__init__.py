"""Tar layers: the scanner, headers, and the table of files."""
