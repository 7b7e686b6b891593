"""Hostile images, made by script: what each is, whether it must be read or refused, and in which words."""
