"""Stillwatch: finds distillation campaigns in the logs of a language-model API, and says why."""
