"""Version 1 of the API: one module an area, each with its typed routes; docs/api.md is made for people, OpenAPI for programs."""
