"""Reports of the updates of an image: text, JSON, CSV, Markdown, a page with a chart, and OpenMetrics."""
