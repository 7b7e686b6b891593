"""Documents for programs, and reading them back."""
