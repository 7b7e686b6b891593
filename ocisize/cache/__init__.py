"""The cache: where results that depend on digests alone are kept between runs, and the form of its entries.

``store`` says what a store must do, ``disk`` is the store that the command line uses, and ``entry`` is the form of an entry,
whatever is in it. What is kept is decided by ``layer.cache`` and ``analysis_cache``.
"""
