"""Formats that CI systems and code hosts read."""
