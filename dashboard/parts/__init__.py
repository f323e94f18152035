"""What pages share: evidence, charts, runs under way, links, and what stands in the address."""
