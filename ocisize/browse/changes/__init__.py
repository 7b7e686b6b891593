"""Two images side by side: the stored files that differ, as two trees whose rows are aligned by path."""
