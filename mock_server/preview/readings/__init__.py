"""The readings of the Preview API, and the dialects that are made of them."""

from __future__ import annotations

from mock_server.dialects.dialect import READINGS, Dialects
from mock_server.preview.readings import bodies, codes, requests

DIALECTS = Dialects(*bodies.READINGS, *requests.READINGS, *codes.READINGS, *bodies.ADDITIONS, *READINGS)
