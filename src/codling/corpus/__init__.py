"""Source trees in; cleaned, de-duplicated, split token shards out."""
