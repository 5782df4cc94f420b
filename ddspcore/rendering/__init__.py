"""A trained run that plays: recordings, scores, and what it was trained on."""
