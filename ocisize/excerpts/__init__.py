"""What is kept of executables and jars while their layer is read: what says which packages were built into them.

An excerpt is a few parts, each with its kind. Go writes its modules into every program, cargo-auditable the crates into a
program of Rust, Maven the coordinates of an artifact into its jar, and distributions a note with the package of a program.
"""
