"""The groups of measurements; each yields its sections as they are measured."""
