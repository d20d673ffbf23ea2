"""The settings of single pipelines: a module each, put together in app/settings.py."""
