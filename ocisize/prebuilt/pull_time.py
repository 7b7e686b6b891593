"""Generated from TOML by ``python -m tests.prebuilt``: edit the TOML."""

from typing import Any

TABLE: Any = {
 'most_downloads': 6,
 'least_downloads': 3,
 'least_expansion': 1.5,
 'most_expansion': 4.0,
 'least_entry_size': 6000,
 'most_entry_size': 200000,
 'fast': {
  'gzip': 400000000,
  'zstd': 800000000,
  'plain': 1000000000,
  'file_seconds': 2e-05,
  'layer_seconds': 0.005,
  'pull_seconds': 0.1,
 },
 'slow': {'gzip': 40000000, 'zstd': 80000000, 'plain': 150000000, 'file_seconds': 0.00025, 'layer_seconds': 0.1, 'pull_seconds': 1.0},
}
