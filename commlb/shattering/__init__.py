"""The largest set of suffixes that prefixes shatter: rows and columns, symmetries, the search."""
