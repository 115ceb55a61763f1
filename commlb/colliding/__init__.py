"""Two inputs in one state: the ways to find them, and the certificate."""
