"""The embedded cloud: AWS in this process, on moto, as far as the audit trail needs it.

cloud       what people use: start, deploy, put lines, move the clock
world       the cloud with what has to be around a trail, and real receivers of what it tells
server      the cloud over HTTP                          (serve: `audit local up`)
cloudformation/ stacks and change sets
deployment  a cloud assembly (`cdk.out`) → CloudFormation, types and properties checked first
resources/  the CloudFormation types
log_groups  subscriptions, metric filters, patterns, limits   (event_store: the lines, in a file)
alarms      metrics to states to messages
messaging   SNS, SES, schedules
functions   Lambda: processes of their own, retries, dead letters   (worker: inside of one)
deliveries  what services do in each other's name
permissions what a function's role allows                          (policies: the evaluation)
clock       the time that can be moved
hooks/      every place where moto is changed
"""

from audit_ops.local.cloud import LocalCloud
from audit_ops.local.deployment import DeployError
from audit_ops.local.world import World

__all__ = ["DeployError", "LocalCloud", "World"]
