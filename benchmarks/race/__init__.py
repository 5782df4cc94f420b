"""Held-out quality against time: the same audio, machine and seconds for ours and for a peer."""
