"""Tracing of calls with OpenTelemetry: `aktis.init(_tracing_startup_hook="module:function")`.

Each process of the job calls the function once, to say where its spans go. From then on a call has
two spans: one of the kind PRODUCER where it is made, and below it one of the kind CONSUMER where it
runs. A trace so goes through nested tasks and calls of actors, from process to process.
"""
