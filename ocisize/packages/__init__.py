"""What is installed: the distribution, language runtimes, dpkg's packages, and who owns a path."""
