"""Faces in an image: where they are, their landmarks, and which face of one image goes with which of another."""

from dst.faces.face import Face as Face
from dst.faces.face import detect as detect
