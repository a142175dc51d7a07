"""The tables by subject, as SQL text; `store.schema` puts them together."""
