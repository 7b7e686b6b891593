"""What packages an image has, which of them each stored byte belongs to, and why each package is there."""
