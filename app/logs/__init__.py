"""Logs: lines in any of several forms, by severity."""

from app.use_case import UseCase

USE_CASE = UseCase("logs", simulation="logs")
