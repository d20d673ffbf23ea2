"""Rows of files as people have them: delimited text, JSON and Parquet, plain or compressed."""

from eventfold.connectors.rows.file import RowFile
from eventfold.connectors.rows.row import BadRow, Layout, Row, UnreadableFileError

__all__ = ["BadRow", "Layout", "Row", "RowFile", "UnreadableFileError"]
