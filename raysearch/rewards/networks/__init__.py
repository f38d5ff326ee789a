"""Shared by the rewards that run a network: loading weights, and preparing views for them."""
