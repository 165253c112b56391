"""Figures and animations of a run; they read a Result and change nothing."""
