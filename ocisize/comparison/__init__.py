"""Two images compared (``images.compare``), and the images of all platforms (``platforms.find_drift``)."""
