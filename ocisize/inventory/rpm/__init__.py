"""The packages that rpm has installed."""
