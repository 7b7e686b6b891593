"""Reports: what is written of an analysis, in each format."""
