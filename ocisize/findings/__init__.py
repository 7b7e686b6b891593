"""What could be better: evidence, claims, savings and explanations."""
