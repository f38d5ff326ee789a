"""What the field measures videos with: Physics-IQ, VideoPhy, quality, human preference. Nothing here generates."""
