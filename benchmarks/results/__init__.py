"""`make results`: what every search and every verifier is worth on the tiny pair, in one table and one page.

arms      what is searched, and at what cost
collect   the searches, a line of JSON each; what was stopped goes on where it was
tables    means, gains and intervals, paired by scene
page      docs/results.md with its pictures
"""
