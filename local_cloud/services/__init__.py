"""Implements what happens between moto's services; moto keeps their state.

deliveries         from one service to another: lines, alarms, messages, events, dead letters
resource_policies  whether a function, queue, topic or key allows a service to use it
functions/         Lambda
log_groups         subscriptions and metric filters      (log_limits: what CloudWatch Logs rejects;
                   log_agent: puts lines; event_store: keeps them in a file)
alarms             evaluates alarms, publishes messages  (metrics: what metric filters count)
messaging          SNS, SES, schedules
permissions        evaluates the roles of functions      (policies: evaluates IAM statements)
clock              the time, which can be moved
"""
