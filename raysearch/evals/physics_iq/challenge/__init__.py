"""`raysearch challenge`: all views of Physics-IQ with several searches, every candidate scored, compared.

One folder has everything: a run per strategy and repetition (resumable, with its report), clips and scores of
all candidates, official tables, folders to submit with their card, challenge.json and challenge.html.
"""
