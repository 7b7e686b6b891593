"""Everything that the library returns, as frozen values."""
