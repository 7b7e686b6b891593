"""Findings: what could be better about an image, and how many bytes that saves.

``advise`` runs the steps: ``evidence`` has the facts about the image, each check in ``checks`` yields claims on rows, the
ledger in ``claim`` gives each row to one claim, and ``savings`` turns claims with rows into findings.
"""
