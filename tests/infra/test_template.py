"""What `cdk deploy` ships: the template, asked what a security review would ask."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from audit_rules import load_config
from tests.synthesis import ROOT, Template

CONFIG = load_config(ROOT / "audit.toml")


def flat(value: Any) -> str:
    """Return a value with its intrinsic functions as one text."""
    return json.dumps(value)


def test_the_audit_log_group_keeps_its_identity_and_outlives_the_stack(template: Template) -> None:
    """A changed logical id would mean a second, empty log group."""
    group = template.body["Resources"]["StoreRecords611269AC"]
    key = template.body["Resources"]["StoreKey7A3C02BD"]
    assert group["Properties"] == {
        "LogGroupName": "/audit/records",
        "RetentionInDays": 3653,
        "KmsKeyId": {"Fn::GetAtt": ["StoreKey7A3C02BD", "Arn"]},
        "DeletionProtectionEnabled": True,
    }
    assert key["Properties"]["EnableKeyRotation"] is True
    for resource in (group, key):
        assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"


def test_cloudwatch_logs_may_use_the_key_for_the_audit_group_alone(template: Template) -> None:
    [key] = template.properties("KMS::Key")
    [grant] = [s for s in key["KeyPolicy"]["Statement"] if s.get("Sid") == "CloudWatchLogs"]
    assert flat(grant["Principal"]).count("logs.") == 1
    assert flat(grant["Condition"]["ArnEquals"]).endswith(':log-group:/audit/records"]]}}')


def test_every_source_is_subscribed_with_the_audit_pattern(template: Template) -> None:
    subscription = template.one("Logs::SubscriptionFilter", FilterName="audit-records")
    assert subscription["LogGroupName"] == "/app/shop"
    assert subscription["FilterPattern"] == '{ $.log.logger = "*.audit" }'
    assert "RouterFunction" in flat(subscription["DestinationArn"])
    [resource] = [
        each
        for each in template.of_type("Logs::SubscriptionFilter").values()
        if each["Properties"] == subscription
    ]
    [permission] = resource["DependsOn"]
    granted = template.body["Resources"][permission]["Properties"]
    assert granted["Principal"] == "logs.amazonaws.com"
    assert granted["SourceAccount"] == {"Ref": "AWS::AccountId"}
    assert flat(granted["SourceArn"]).endswith(':log-group:*:*"]]}')


def test_eighty_sources_need_one_permission_and_no_custom_resource(
    synth: Callable[[str], Template],
) -> None:
    sources = json.dumps([f"/app/{n}" for n in range(80)])
    text = (ROOT / "audit.toml").read_text().replace('["/app/shop"]', sources)
    template = synth(text)
    assert len(template.of_type("Logs::SubscriptionFilter")) == 81  # and that of the matcher
    logs = [
        p for p in template.properties("Lambda::Permission") if p["Principal"].startswith("logs")
    ]
    assert len(logs) == 2
    kinds = {resource["Type"] for resource in template.body["Resources"].values()}
    assert not [kind for kind in kinds if kind.startswith("Custom::")]


def test_every_rule_has_its_metric_filter_and_its_alarm(template: Template) -> None:
    for rule in CONFIG.rules:
        counted = template.one("Logs::MetricFilter", FilterName=rule.id)
        assert counted["FilterPattern"] == rule.pattern.text
        assert counted["LogGroupName"] == {"Ref": "StoreRecords611269AC"}
        metric = {"MetricNamespace": "Audit/audit", "MetricName": rule.id, "MetricValue": "1"}
        assert counted["MetricTransformations"] == [metric]
        alarm = template.one("CloudWatch::Alarm", AlarmName=f"audit-{rule.id}")
        assert (alarm["Namespace"], alarm["MetricName"]) == ("Audit/audit", rule.id)
        assert alarm["Period"] == rule.window_minutes * 60
        assert alarm["Threshold"] == rule.threshold
        assert alarm["Statistic"] == "Sum"
        assert alarm["EvaluationPeriods"] == 1
        assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
        assert alarm["TreatMissingData"] == "notBreaching"
        assert len(alarm["AlarmDescription"]) <= 1024
        topic = {"Ref": next(iter(template.of_type("SNS::Topic")))}
        assert alarm["AlarmActions"] == alarm["OKActions"] == [topic]
    assert len(template.of_type("CloudWatch::Alarm")) == len(CONFIG.rules)


def test_alarms_can_really_speak_to_the_encrypted_topic(template: Template) -> None:
    [topic_id], [topic] = template.of_type("SNS::Topic"), template.properties("SNS::Topic")
    assert topic["KmsMasterKeyId"] == {"Fn::GetAtt": ["StoreKey7A3C02BD", "Arn"]}
    [key], [policy] = template.properties("KMS::Key"), template.properties("SNS::TopicPolicy")
    own = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    for document, actions in (
        (key["KeyPolicy"], ["kms:Decrypt", "kms:GenerateDataKey*"]),
        (policy["PolicyDocument"], "sns:Publish"),
    ):
        [grant] = [
            s
            for s in document["Statement"]
            if s["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        ]
        assert (grant["Effect"], grant["Action"], grant["Condition"]) == ("Allow", actions, own)
    assert policy["Topics"] == [{"Ref": topic_id}]


def test_the_forwarder_hears_of_alarms_and_of_the_sweep(template: Template) -> None:
    [subscription] = template.properties("SNS::Subscription")
    assert subscription["Protocol"] == "lambda"
    assert "deadLetterTargetArn" in subscription["RedrivePolicy"]
    [sweep] = template.properties("Events::Rule")
    assert sweep["ScheduleExpression"] == "rate(1 minute)"
    assert [
        name
        for target in sweep["Targets"]
        for name in ("Teller", "Forwarder")
        if f"{name}Function" in flat(target["Arn"])
    ] == ["Teller", "Forwarder"]
    assert all("Arn" in target["DeadLetterConfig"] for target in sweep["Targets"])


def test_every_audit_record_is_delivered_to_the_matcher(template: Template) -> None:
    subscription = template.one("Logs::SubscriptionFilter", FilterName="matcher")
    assert subscription["LogGroupName"] == {"Ref": "StoreRecords611269AC"}
    assert subscription["FilterPattern"] == ""
    assert "MatcherFunction" in flat(subscription["DestinationArn"])


def test_the_teller_writes_into_streams_of_its_own_alone(template: Template) -> None:
    own = [s for s in template.statements() if "audit_trail/*" in flat(s["Resource"])]
    assert [s["Action"] for s in own] == [["logs:CreateLogStream", "logs:PutLogEvents"]]
    others = [s for s in template.statements() if "StoreRecords" in flat(s) and "Put" in flat(s)]
    assert len(others) == 1  # the router's


def test_the_outbox_has_what_its_code_queries(template: Template) -> None:
    [table] = template.properties("DynamoDB::Table")
    assert {
        index["IndexName"]: [key["AttributeName"] for key in index["KeySchema"]]
        for index in table["GlobalSecondaryIndexes"]
    } == {"waiting": ["waits", "place"], "counted": ["counts", "at"]}
    for index in table["GlobalSecondaryIndexes"]:
        assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    assert table["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_every_function_keeps_what_it_could_not_do(template: Template) -> None:
    for function in template.properties("Lambda::Function"):
        assert function["DeadLetterConfig"]["TargetArn"]["Fn::GetAtt"][1] == "Arn"
        assert function["Runtime"] == "python3.13"
        assert function["LoggingConfig"]["LogGroup"]["Ref"]
    for queue in template.properties("SQS::Queue"):
        assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600
        assert queue["SqsManagedSseEnabled"] is True


def test_roles_may_do_what_they_need_and_no_more(template: Template) -> None:
    for role in template.properties("IAM::Role"):
        assert "ManagedPolicyArns" not in role
    allowed = set()
    for statement in template.statements():
        assert statement["Effect"] == "Allow"
        assert statement["Resource"] != "*"
        actions = statement["Action"]
        allowed.update([actions] if isinstance(actions, str) else actions)
    assert allowed == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "logs:FilterLogEvents",
        "sqs:SendMessage",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:BatchGetItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey*",
        "kms:ReEncrypt*",
        "lambda:InvokeFunction",
        "cloudwatch:DescribeAlarms",
        "secretsmanager:GetSecretValue",
        "ses:SendEmail",
        "ses:SendRawEmail",
    }


def test_a_secret_is_in_the_template_by_name_only(template: Template) -> None:
    text = flat(template.body)
    assert "hooks.slack.com" not in text
    assert "secret:audit/slack/security-??????" in text


def test_the_saved_queries_answer_the_first_questions(template: Template) -> None:
    names = {query["Name"] for query in template.properties("Logs::QueryDefinition")}
    assert names >= {
        "audit/Who changed this record",
        "audit/Everything one person did",
        "audit/The last day by kind",
    }
    for query in template.properties("Logs::QueryDefinition"):
        assert query["LogGroupNames"] == [{"Ref": "StoreRecords611269AC"}]


def test_a_trail_without_rules_and_channels_can_be_synthesized(
    synth: Callable[[str], Template],
) -> None:
    template = synth(
        '[audit]\nname = "bare"\ntime_zone = "UTC"\n[sources]\nlog_groups = ["/app/x"]\n'
    )
    assert template.one("Logs::LogGroup", LogGroupName="/bare/records")["RetentionInDays"] == 3653
    actions = flat(list(template.statements()))
    assert "secretsmanager" not in actions
    assert "ses:" not in actions


def files(asset: Path) -> set[str]:
    return set(ZipFile(asset).namelist())


def test_the_routers_asset_is_the_router_alone(template: Template) -> None:
    names = {"__init__", "handler", "_copy", "_delivery", "_settings"}
    assert files(template.asset("audit-router")) == {f"router/{name}.py" for name in names}


def test_the_forwarders_asset_is_what_runs_and_nothing_else(template: Template) -> None:
    inside = files(template.asset("audit-forwarder"))
    assert {name.partition("/")[0] for name in inside} == {
        "forwarder",
        "audit_lib",
        "audit_rules",
        "jinja2",
        "markupsafe",
        "tzdata",
        "audit.toml",
    }
    assert not [
        name
        for name in inside
        if re.search(r"__pycache__|(^|/)tests/|dist-info|requirements|\.so$|\.pyi$|\.\.", name)
    ]
    assert {"forwarder/templates/notification.html", "audit_rules/patterns/_filter.py"} <= inside


def test_an_asset_has_the_same_hash_on_every_synth(
    template: Template, synth: Callable[[str], Template]
) -> None:
    again = synth((ROOT / "audit.toml").read_text())
    for function in ("audit-router", "audit-matcher", "audit-teller", "audit-forwarder"):
        assert template.asset(function).name == again.asset(function).name


def test_the_forwarder_sends_mail_as_the_configured_senders_only(template: Template) -> None:
    statements = [s for s in template.statements() if "ses:" in flat(s["Action"])]
    assert statements
    for each in statements:
        assert each["Condition"] == {"StringEquals": {"ses:FromAddress": ["audit@example.com"]}}


def test_a_door_is_held_for_longer_than_the_function_may_run(template: Template) -> None:
    """Else a second invocation would send what the first one is still sending."""
    from forwarder.door import LEASE_SECONDS, TIMEOUT_SECONDS

    teller = template.one("Lambda::Function", FunctionName="audit-teller")
    assert teller["Timeout"] == TIMEOUT_SECONDS
    assert TIMEOUT_SECONDS + 60 <= LEASE_SECONDS


def test_what_holds_records_outlives_the_stack(template: Template) -> None:
    kept = {
        id_
        for id_, resource in template.body["Resources"].items()
        if resource.get("DeletionPolicy") == "Retain"
    }
    assert {id_.rstrip("0123456789ABCDEF") for id_ in kept} == {
        "StoreRecords", "StoreKey", "Rejected", "OutboxTable",
    }  # fmt: skip


def test_defaults_that_a_review_asks_for(template: Template) -> None:
    [table] = template.properties("DynamoDB::Table")
    assert table["DeletionProtectionEnabled"] is True
    assert table["SSESpecification"]["SSEType"] == "KMS"
    assert "PointInTimeRecoverySpecification" not in table  # it would keep what was removed
    [policy] = template.properties("SNS::TopicPolicy")
    assert {"Bool": {"aws:SecureTransport": "false"}} in [
        s.get("Condition") for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"
    ]
    for function in template.properties("Lambda::Function"):
        assert function["Architectures"] == ["arm64"]
    functions_logs = [
        group
        for group in template.properties("Logs::LogGroup")
        if group["LogGroupName"].startswith("/aws/lambda/")
    ]
    assert [group["RetentionInDays"] for group in functions_logs] == [90] * 4


def test_the_commands_of_saved_queries_are_those_of_logs_insights(template: Template) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html"""
    commands = {"fields", "display", "filter", "stats", "sort", "limit", "parse", "dedup", "unmask"}
    for query in template.properties("Logs::QueryDefinition"):
        lines = [line.strip(" |\n") for line in re.split(r"[\n|]", query["QueryString"])]
        assert {line.split()[0] for line in lines if line} <= commands, query["Name"]
