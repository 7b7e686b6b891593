"""Reports of a fleet: what its images share, what each of them costs, and what deleting some of them frees."""
