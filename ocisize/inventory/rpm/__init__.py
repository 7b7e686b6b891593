"""The databases of rpm, in each of its three forms, read without libraries: they come from untrusted images."""
