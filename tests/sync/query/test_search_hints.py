"""A search that finds nothing says why, and filters alone list what they leave."""

import unicodedata
from pathlib import Path

import pytest

import stored
from told import Reader
