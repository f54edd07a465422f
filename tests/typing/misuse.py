"""Calls that every type checker has to refuse: never run, only checked (`test_misuse.py`)."""
# pyright: reportUnnecessaryTypeIgnoreComment=true

import audit_lib
from audit_lib.capture.django import audit_models, release_models
from audit_lib.destinations.cloudwatch_logs import CloudWatchLogsHandler

audit = audit_lib.get_logger("shop").audit
state = {"a": 1}

audit.event("Signed in", action="login", outcom="failure")  # type: ignore[call-arg]
audit.event("Signed in", action="login", outcome="failed")  # type: ignore[arg-type]
audit.event("Signed in", action="login", outcome=None)  # type: ignore[arg-type]
audit.event("Signed in", action="login", category=None)  # type: ignore[arg-type]
audit.event("Signed in", action="login", type=5)  # type: ignore[arg-type]
audit.event("Signed in", action="login", level="INFO")  # type: ignore[arg-type]
audit.event("Signed in", action="login", record_id=7)  # type: ignore[call-arg]
audit.event("Signed in", action="login", extra=[1, 2])  # type: ignore[arg-type]
audit.event("Signed in")  # type: ignore[call-arg]
audit.event(action="login")  # type: ignore[call-arg]
audit.record_created("Made", "user", state, outcom="failure")  # type: ignore[call-arg]
audit.record_created("Made", "user", state, outcome="failed")  # type: ignore[arg-type]
audit.record_created("Made", "user", state, recordid=7)  # type: ignore[call-arg]
audit.record_updated("Changed", "user", state, state, outcom="failure")  # type: ignore[call-arg]
audit.record_updated("Changed", "user", state, state, outcome="failed")  # type: ignore[arg-type]
audit.record_updated("Changed", "user", state, state, ticket="OPS-1")  # type: ignore[call-arg]
audit.record_updated("Changed", "user", state, state, by_key="lines")  # type: ignore[arg-type]
audit.record_updated("Changed", 5, state, state)  # type: ignore[arg-type]
audit.record_deleted("Gone", "user", state, outcom="failure")  # type: ignore[call-arg]
audit.record_deleted("Gone", "user", state, stacklevel="x")  # type: ignore[arg-type]
audit.record_accessed("Opened", "user", outcom="failure")  # type: ignore[call-arg]
audit.record_accessed("Opened", "user", outcome="failed")  # type: ignore[arg-type]
audit.track("Changed", "user", state, outcom="failure")  # type: ignore[call-arg]
audit.track("Changed", "user", state, outcome="failed")  # type: ignore[arg-type]
audit.info("Signed in", outcome="failure")  # type: ignore[call-arg]
audit_lib.configure(on_failure=None)  # type: ignore[arg-type]
audit_lib.unbind(user=True)  # type: ignore[call-arg]
audit_lib.register("Money", str)  # type: ignore[attr-defined]
audit_models(int, logger=audit, leave_out={"a"})  # type: ignore[call-arg]
release_models("Customer")  # type: ignore[arg-type]
CloudWatchLogsHandler("/audit", linger=1)  # type: ignore[call-arg]
