"""Generated from TOML by ``python -m tests.prebuilt``: edit the TOML."""

from typing import Any

TABLE: Any = {'deploys': 10, 'nodes': 5, 'price': 0.09, 'bandwidths': (100000000, 1000000000)}
