"""Engines: the layers of a fleet are tasks of any ``concurrent.futures.Executor``, and each distinct layer is read once.

``tasks`` lists what to read, ``worker`` is what runs in another thread, process or machine, ``collect`` hands out tasks and
takes results, and ``executors`` opens the executors that the command line offers. The cache is the checkpoint: a run that
was interrupted goes on where it ended.
"""
