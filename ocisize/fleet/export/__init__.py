"""A fleet as Parquet tables, for queries: ``schema`` lists the tables, ``export`` writes them."""
