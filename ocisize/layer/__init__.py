"""One layer from its blob to its table of files (``scan``), and all layers of an image at once (``pool``)."""
