"""The command line.

``main`` finds the command in ``command_table``, parses the arguments and calls ``run`` of the command's module in
``commands``. Commands analyze images with ``inputs`` and check budgets with ``budget_options``.
"""
