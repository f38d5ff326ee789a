"""Models with exact answers, enumeration of every random choice, and two ways to drive searches on them."""
