"""Triggers that record each change of a rule under the next version, in SQLite and PostgreSQL."""

_SQLITE = """
CREATE TRIGGER IF NOT EXISTS rules_{when} AFTER {event} ON rules BEGIN
  UPDATE rule_counter SET version = version + 1;
  DELETE FROM rule_versions WHERE rule_id = {row}.id;
  INSERT INTO rule_versions (rule_id, version, changed)
    SELECT {row}.id, version, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)
    FROM rule_counter;
END
"""

#: A changed id is the deletion of one rule and the creation of another.
_SQLITE_RENAMED = """
CREATE TRIGGER IF NOT EXISTS rules_renamed AFTER UPDATE OF id ON rules WHEN OLD.id <> NEW.id BEGIN
  UPDATE rule_counter SET version = version + 1;
  DELETE FROM rule_versions WHERE rule_id = OLD.id;
  INSERT INTO rule_versions (rule_id, version, changed)
    SELECT OLD.id, version, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)
    FROM rule_counter;
END
"""

_NOTE = """
CREATE OR REPLACE FUNCTION note_rule(changed_rule TEXT) RETURNS VOID AS $$
DECLARE next_version BIGINT;
BEGIN
  UPDATE rule_counter SET version = version + 1 RETURNING version INTO next_version;
  INSERT INTO rule_versions (rule_id, version, changed)
    VALUES (changed_rule, next_version,
            CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT))
    ON CONFLICT (rule_id) DO UPDATE SET version = EXCLUDED.version, changed = EXCLUDED.changed;
END $$ LANGUAGE plpgsql
"""

_TRIGGERED = """
CREATE OR REPLACE FUNCTION rule_changed() RETURNS TRIGGER AS $$
BEGIN
  IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND OLD.id <> NEW.id) THEN
    PERFORM note_rule(OLD.id);
  END IF;
  IF TG_OP <> 'DELETE' THEN
    PERFORM note_rule(NEW.id);
  END IF;
  RETURN NULL;
END $$ LANGUAGE plpgsql
"""

_EACH = """
CREATE OR REPLACE TRIGGER rules_changed AFTER INSERT OR UPDATE OR DELETE ON rules
  FOR EACH ROW EXECUTE FUNCTION rule_changed()
"""

#: Statements by database, in order of execution.
TRIGGERS = {
    "sqlite": (
        _SQLITE.format(when="inserted", event="INSERT", row="NEW"),
        _SQLITE.format(when="updated", event="UPDATE", row="NEW"),
        _SQLITE.format(when="deleted", event="DELETE", row="OLD"),
        _SQLITE_RENAMED,
    ),
    "postgresql": (_NOTE, _TRIGGERED, _EACH),
}
