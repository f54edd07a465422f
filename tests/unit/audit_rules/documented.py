"""The examples of AWS's page FilterAndPatternSyntax, in its older and its present form: what matches what.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import json

__all__ = ["EXAMPLES", "EXTRACTIONS"]

BAD, UNAUTHORIZED, MISSING, INVALID = (
    "[ERROR 400] BAD REQUEST",
    "[ERROR 401] UNAUTHORIZED REQUEST",
    "[ERROR 419] MISSING ARGUMENTS",
    "[ERROR 420] INVALID ARGUMENTS",
)
BOTH, ERROR, WARN = "ERROR WARN message", "ERROR message", "WARN message"
TRAIL = json.dumps({
    "eventType": "UpdateTrail", "sourceIPAddress": "111.111.111.111",
    "arrayKey": ["value", "another value"],
    "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
    "SomeObject": None, "ThisFlag": True, "cluster.name": "c",
})  # fmt: skip
PEOPLE = json.dumps({
    "user": {"id": 1, "email": "John.Stiles@example.com"},
    "users": [{"id": 2, "email": "John.Doe@example.com"}, {"id": 3, "email": "Jane.Doe@example.com"}],
    "actions": ["GET", "PUT", "DELETE"],
    "coordinates": [[0, 1, 2], [4, 5, 6], [7, 8, 9]],
})  # fmt: skip
APACHE = '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'
OK, FAILED, LONG = (
    f'127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /apache_pb.gif HTTP/1.0" {rest}'
    for rest in ("200 1534", "500 5324", "200 4355")
)
SERVICE = (
    "INFO 09/25/2014 12:00:00 GET /service/resource/67 1200",
    "INFO 09/25/2014 12:00:01 POST /service/resource/67/part/111 1310",
    "WARNING 09/25/2014 12:00:02 Invalid user request",
    "ERROR 09/25/2014 12:00:02 Failed to process request",
)
INFO, CHILD, WARNING, PROCESS = SERVICE

# pattern → the messages that it matches, and those that it does not
_BY_PATTERN: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # terms
    "ERROR": ((BAD, UNAUTHORIZED, MISSING, INVALID, BOTH, ERROR, "Exiting with ERRORCODE: -1"), (WARN,)),
    'ERROR -"Exiting"': (("[ERROR] A fatal exception has occurred",), ("Exiting with ERRORCODE: -1",)),
    "ERROR Exception": (
        ("[ERROR] Caught IllegalArgumentException", "[ERROR] Unhandled Exception"), (ERROR,),
    ),
    "Failed to process the request": (
        ("[WARN] Failed to process the request",
         "[ERROR] Unable to continue: Failed to process the request"), (PROCESS,),
    ),
    "ERROR ARGUMENTS": ((MISSING, INVALID), (BAD, UNAUTHORIZED)),
    "?ERROR ?ARGUMENTS": ((BAD, UNAUTHORIZED, MISSING, INVALID), ("REQUEST",)),
    "?ERROR ?WARN": ((BOTH, ERROR, WARN), ("message",)),
    "ERROR WARN": ((BOTH,), (ERROR, WARN)),
    "ERROR -WARN": ((ERROR,), (BOTH, WARN)),
    "?ERROR ?ARGUMENTS REQUEST": (
        ("[INFO] REQUEST FAILED", "[WARN] UNAUTHORIZED REQUEST", "[ERROR] 400 BAD REQUEST"), (MISSING,),
    ),
    '"INTERNAL SERVER ERROR"': (("[ERROR 500] INTERNAL SERVER ERROR",), ("INTERNAL ERROR SERVER",)),
    "ERROR -ARGUMENTS": ((BAD, UNAUTHORIZED), (MISSING, INVALID)),
    '" "': ((BAD, "x", TRAIL), ()),
    "%AUTHORIZED%": ((UNAUTHORIZED, "[SUCCESS 200] AUTHORIZED REQUEST"), (BAD,)),
    # JSON
    '{ $.eventType = "UpdateTrail" }': ((TRAIL,), (PEOPLE,)),
    "{ $.sourceIPAddress != 123.123.* }": ((TRAIL,), (PEOPLE,)),
    '{ $.arrayKey[0] = "value" }': ((TRAIL,), (PEOPLE,)),
    "{ $.objectList[1].id = 2 }": ((TRAIL,), (PEOPLE,)),
    "{ $.eventType = %Trail% }": ((TRAIL,), (PEOPLE,)),
    "{ $.arrayKey[*] = %val.{2}% }": ((TRAIL,), (PEOPLE,)),
    r"{ $.* = %111\.111\.111\.1[0-9]{1,2}% }": ((TRAIL,), (PEOPLE,)),
    "{ $.['cluster.name'] = \"c\" }": ((TRAIL,), (PEOPLE,)),
    "{ $.SomeObject IS NULL }": ((TRAIL,), (PEOPLE,)),
    "{ $.SomeOtherObject NOT EXISTS }": ((TRAIL, PEOPLE), ()),
    "{ $.ThisFlag IS TRUE }": ((TRAIL,), (PEOPLE,)),
    "{$.foo = bar}": (('{"foo": "bar"}',), ('{"foo": "baz"}',)),
    "{$.foo = bar || $.foo = baz }": (('{"foo": "bar"}', '{"foo": "baz"}'), ('{"foo": "x"}',)),
    '{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }': ((PEOPLE,), (TRAIL,)),
    '{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }': ((), (PEOPLE,)),
    '{ $.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch && $.actions[2] = nomatch }':
        ((PEOPLE,), (TRAIL,)),
    '{ ($.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch) && $.actions[2] = nomatch }':
        ((), (PEOPLE,)),
    "{$.users = 1}": ((), ('{"users": [1, 2, 3]}',)),
    "{$.users != 1}": ((), ('{"users": [1, 2, 3]}',)),
    "{ $.latency >= 500 }": (('{"latency": 500}',), ('{"latency": 499.9}',)),
    "{ $.numbers[0] < 10e3 }": (('{"numbers": [9999]}',), ('{"numbers": [10000]}',)),
    "{ $.numbers[0] < 10e-3 }": (('{"numbers": [0.009]}',), ('{"numbers": [0.01]}',)),
    "{ $.processes[4].averageRuntime <= 55.5 }":
        (('{"processes": [0, 0, 0, 0, {"averageRuntime": 55.5}]}',), ('{"processes": []}',)),
    "{ $.errorCode = 400 }": (('{"errorCode": 400}',), ('{"errorCode": 401}',)),
    "{ $.errorCode != 500 }": (('{"errorCode": 400}',), ('{"errorCode": 500}',)),
    "{ $.latency > +1000 }": (('{"latency": 1001}',), ('{"latency": 1000}',)),
    "{ $.number[0] = 1e+3 }": (('{"number": [1000]}',), ('{"number": [1001]}',)),
    "{ $.number[0] != 1e-3 }": (('{"number": [1]}',), ('{"number": [0.001]}',)),
    "{ $.latency = * }": (('{"latency": 4}', '{"latency": "x"}'), ("{}",)),
    # space-delimited fields
    r"[ip=%127\.0\.0\.[1-9]%, user, username, timestamp, request =*.html*, status_code = 4*, bytes]":
        ((APACHE,), (OK, FAILED)),
    "[..., request =*.html*, status_code = 4*, bytes]": ((APACHE,), (OK, INFO)),
    "[ip, user, username, timestamp, request =*.html*, status_code = 404 || status_code = 410, bytes]":
        ((APACHE,), (FAILED,)),
    "[ip, user, username, timestamp, request, status_code, bytes]": ((APACHE, OK, FAILED, LONG), (INFO,)),
    "[..., status_code, bytes]": ((APACHE, OK, INFO), ("x",)),
    "[ip, user, ..., status_code, bytes]": ((APACHE, OK), ("a b c",)),
    "[ip, user, ...]": ((APACHE, "a b"), ("a",)),
    "[ip, user, username, timestamp, request, status_code, bytes > 1000]": ((OK, FAILED), (INFO,)),
    "[ip, user, username, timestamp, request, status_code = 200, bytes]": ((OK, LONG), (FAILED,)),
    "[ip, user, username, timestamp, request, status_code = 4*, bytes]": ((APACHE,), (OK, FAILED)),
    "[ip, user, username, timestamp, request = *html*, status_code = 4*, bytes]": ((APACHE,), (OK,)),
    "[ip, user, username, timestamp, request, status_code = 4* && status_code != 403, bytes]":
        ((APACHE,), (APACHE.replace("404", "403"), OK)),
    "[w1=ERROR, w2]": ((PROCESS,), (INFO, WARNING)),
    "[w1=ERROR || w1=WARNING, w2]": ((PROCESS, WARNING), (INFO, CHILD)),
    "[w1!=ERROR && w1!=WARNING, w2]": ((INFO, CHILD), (PROCESS, WARNING)),
    "[logLevel, date, time, method, url=%/service/resource/[0-9]+$%, response_time]": ((INFO,), (CHILD,)),
    "[logLevel, date, time, method, url=%/service/resource/[0-9]+/part/[0-9]+$%, response_time]":
        ((CHILD,), (INFO,)),
}  # fmt: skip

EXAMPLES: list[tuple[str, str, bool]] = [
    (pattern, message, expected)
    for pattern, (matched, others) in _BY_PATTERN.items()
    for messages, expected in ((matched, True), (others, False))
    for message in messages
]
"""A pattern, a message, and whether the one matches the other."""

EXTRACTIONS: list[tuple[str, str, dict[str, str]]] = [
    (
        "[..., request=*.html*, status_code=4*,]",
        '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534',
        {
            "$status_code": "404", "$request": "GET /index.html HTTP/1.0", "$7": "1534",
            "$4": "10/Oct/2000:13:25:15 -0700", "$3": "frank", "$2": "-", "$1": "127.0.0.1",
        },
    ),
    (
        "[ip, identity, user_id, timestamp, request, status_code, size]",
        OK,
        {
            "$status_code": "200", "$identity": "-", "$request": "GET /apache_pb.gif HTTP/1.0",
            "$size": "1534", "$user_id": "frank", "$ip": "127.0.0.1",
            "$timestamp": "10/Oct/2000:13:25:15 -0700",
        },
    ),
    ("ERROR", ERROR, {}),
]  # fmt: skip
"""A pattern, a message, and the `extractedValues` of `TestMetricFilter`."""
