"""Words and figures that several formats share."""
