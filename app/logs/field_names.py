"""Names under which loggers put severity, message, host, application, process and time in JSON."""

from types import MappingProxyType
from typing import Final

#: Parts of a line: keys of the names below.
SEVERITY, MESSAGE, HOST, APP, PROCESS, TIME = range(6)

#: Names of each part, in lower case, by precedence; a dot separates the names of nested objects,
#: and is also met in flat ones.
_NAMES = {
    SEVERITY: """
        severity level loglevel levelname log.level priority lvl log_level level_name @l
        @level severitytext severity_text severitynumber severity_number error_severity
        log.syslog.severity.name log.syslog.severity.code s
    """,
    MESSAGE: """
        message msg event text short_message @m @message renderedmessage
        rendered_message body @mt messagetemplate textpayload fields.message
        jsonpayload.message full_message log
    """,
    HOST: """
        host hostname host.name host.hostname _hostname machinename host_name computer
        resource.attributes.host.name resource.host.name log.syslog.hostname
    """,
    APP: """
        app application service service.name logger sourcecontext
        properties.sourcecontext syslog_identifier name service_name app_name appname
        applicationname category loggername logger_name log.logger @module component
        target program resource.attributes.service.name resource.service.name _comm c
    """,
    PROCESS: """
        process pid _pid process.pid processid process_id syslog_pid procid
    """,
    TIME: """
        time timestamp @timestamp ts @t timeunixnano time_unix_nano
        _source_realtime_timestamp __realtime_timestamp datetime timemillis
        instant.epochsecond t.$date eventtime asctime date observedtimeunixnano
        observed_timestamp
    """,
}
#: Part and precedence by name.
_BY_NAME = {
    name: (part, rank) for part, names in _NAMES.items() for rank, name in enumerate(names.split())
}
#: Part of objects that may hold some of the names.
NESTED: Final = 6
_OUTER = {
    ".".join(name.split(".")[:depth])
    for name in _BY_NAME
    for depth in range(1, name.count(".") + 1)
}
#: Both: `service` is an application's name, or an object with it.
BOTH = frozenset(_BY_NAME) & _OUTER
#: Names of a severity in OpenTelemetry's scale.
OTEL_NUMBERS = frozenset({"severitynumber", "severity_number", "severityNumber", "SeverityNumber"})

#: The names of messages about a missing part.
EXAMPLES = MappingProxyType({SEVERITY: ", ".join(_NAMES[SEVERITY].split()[:6])})

#: Most spellings that are remembered: names come from outside.
_MOST = 4096


class _Spellings(dict[str, tuple[int, int] | None]):
    """Part and precedence by name as it is spelled, in any case; None for names of no part."""

    def __missing__(self, name: str) -> tuple[int, int] | None:
        lower = name.lower()
        found = _BY_NAME.get(lower) or ((NESTED, 0) if lower in _OUTER else None)
        if len(self) < _MOST and len(name) < 64:
            self[name] = found
        return found


SPELLINGS = _Spellings()
