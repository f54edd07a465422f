"""Rolling the trail out, to AWS or to the embedded cloud: the same steps by the same CDK CLI.

synthesis   a CDK app → its cloud assembly, once; all later steps take this one
plan        what is there, what will be made, what is kept from before
costs       what that costs a month, roughly
cdk         the CDK CLI: bootstrap, import, deploy
"""

from audit_ops.rollout.cdk import Cdk, CdkError
from audit_ops.rollout.plan import Plan, PlanError
from audit_ops.rollout.synthesis import SynthesisError, context_of, synthesize

__all__ = ["Cdk", "CdkError", "Plan", "PlanError", "SynthesisError", "context_of", "synthesize"]
