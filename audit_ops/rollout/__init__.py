"""Deploys the trail to AWS or to the embedded cloud, in the same steps with the same CDK CLI.

synthesis   synthesizes a CDK app once; all later steps use this cloud assembly
plan        reads which resources exist, and which ones an earlier stack retained
costs       estimates the monthly costs
cdk         runs the CDK CLI: bootstrap, import, deploy
node        finds Node.js for the CDK
"""

from audit_ops.rollout.cdk import Cdk, CdkError
from audit_ops.rollout.plan import Plan, PlanError
from audit_ops.rollout.synthesis import SynthesisError, context_of, synthesize

__all__ = ["Cdk", "CdkError", "Plan", "PlanError", "SynthesisError", "context_of", "synthesize"]
