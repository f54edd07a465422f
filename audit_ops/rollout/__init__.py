"""Deploys the trail to AWS or to the embedded cloud: the same steps with the same CDK CLI.

synthesis   synthesizes a CDK app once; all later steps use this cloud assembly
plan        what exists, what will be created, what is kept from an earlier stack
costs       rough monthly costs
cdk         runs the CDK CLI: bootstrap, import, deploy
node        finds Node.js for the CDK
"""

from audit_ops.rollout.cdk import Cdk, CdkError
from audit_ops.rollout.plan import Plan, PlanError
from audit_ops.rollout.synthesis import SynthesisError, context_of, synthesize

__all__ = ["Cdk", "CdkError", "Plan", "PlanError", "SynthesisError", "context_of", "synthesize"]
