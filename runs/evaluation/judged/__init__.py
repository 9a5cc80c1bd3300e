"""What a report looks at more closely than a single error: answers by class, and differences beside their noise."""
