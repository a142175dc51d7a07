"""The panel: pages for people, over the same core as every API. One file a subject.

A page decodes, makes its core calls and renders a template; no rule of mail lives here.
"""
