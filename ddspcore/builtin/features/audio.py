"""What every built-in feature that listens asks for."""

from ddspcore import Control

AUDIO = (Control("audio", unit="signal", axis="sample"),)
