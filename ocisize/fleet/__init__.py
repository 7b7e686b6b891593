"""Many images: what they share, what each of them costs alone, and what is in their layers."""
