"""Façade: declare streams by functions of the application. It only declares tables of the engine.

Nothing of it runs for a record: the tables, operators and processors are those of
`eventfold/engine` and `eventfold/operators`, which remain for what does not fit here.
"""
