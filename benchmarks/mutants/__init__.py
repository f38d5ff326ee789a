"""Small mutants of the package, each with the tests that must notice it."""
