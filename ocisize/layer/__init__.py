"""One layer from blob to table, and several layers in parallel."""
