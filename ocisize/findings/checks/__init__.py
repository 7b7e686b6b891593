"""The checks: one module for each kind of finding, with a function ``find_…`` from ImageEvidence to claims.

``findings.advise`` lists the functions. ``findings.explanations`` says where the titles are.
"""
