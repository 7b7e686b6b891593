"""The databases of rpm in each of their three forms, read without libraries: they come from untrusted images."""
