"""Dockerfiles and .dockerignore files: the instruction that made each layer, edits of single words, and patches.

All functions take and return text; nothing here opens a file. Texts are edited by ranges of lines: everything outside the
ranges stays byte for byte. Form: https://docs.docker.com/reference/dockerfile/.
"""
