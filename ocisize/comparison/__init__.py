"""Two images beside each other, and the images of all platforms."""
