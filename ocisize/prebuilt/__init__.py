"""The packaged TOML files as Python literals, which load in a tenth of the time.

``TABLE`` of a module is the top-level table of a file, with tuples for arrays; that of ``rules`` joins all files of rules.
``python -m tests.prebuilt`` writes the modules: to change a value, edit the TOML file and run the command.
"""
